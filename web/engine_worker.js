// Runs the browser's engine in a worker, so that the page stays responsive while the CPU device computes.
//
// A message `{ id, method, args }` is answered with `{ id, value }` or `{ id, error }`; between them, `{ id, event }` may come.

import init, { Engine, LoadedModel, figure, figureKinds, setFonts } from "./pkg/sukashi.js";
import { blobSource, ownFonts, sosekiMini } from "./pkg/sources.js";

/** @type {import("./pkg/sukashi.js").Engine} */
let engine;
/** @type {import("./pkg/sukashi.js").LoadedModel} */
let model;
/** @type {Promise<void> | null} */
let fonts = null;
/** The places that were looked at last, with their logits, by the ids before them. @type {Map<string, import("./pkg/sukashi.js").Place>} */
const places = new Map();
/** The places that are kept. One has a number for each token of the vocabulary. */
const MAX_PLACES = 16;
/** The number of the run that goes on; 0 if it was stopped. */
let running = 0;

/**
 * The place behind tokens, which is computed once.
 * @param {number[]} ids
 */
async function placeOf(ids) {
  const key = ids.join();
  const known = places.get(key);
  if (known !== undefined) {
    return { place: known, isKept: true };
  }
  const place = await model.place(Uint32Array.from(ids));
  places.set(key, place);
  for (const [oldest, other] of places) {
    if (places.size <= MAX_PLACES) {
      break;
    }
    places.delete(oldest);
    other.free();
  }
  return { place, isKept: false };
}

/**
 * The record of a figure that looks inside the model.
 * @param {string} kind
 * @param {Uint32Array} ids
 * @param {any} options
 */
function inside(kind, ids, { layer = 0, head }) {
  switch (kind) {
    case "attention":
      return model.attention(ids, layer, head);
    case "lens":
      return model.lens(ids);
    default:
      return model.score(ids);
  }
}

/** What the page may ask. @type {Record<string, (...args: any[]) => unknown>} */
const methods = {
  async open(device) {
    await init({ module_or_path: new URL("./pkg/sukashi_bg.wasm", import.meta.url) });
    engine = await Engine.open(device);
    model = await LoadedModel.fromFolder(engine, "soseki-mini", await sosekiMini());
    return describe();
  },

  async openFiles(/** @type {File[]} */ files, /** @type {(event: unknown) => void} */ tell) {
    const progress = (/** @type {number} */ loaded, /** @type {number} */ total) => tell(loaded / total);
    const named = (/** @type {string} */ name) => files.find((file) => file.name === name);
    const bytes = async (/** @type {File | undefined} */ file) => file && new Uint8Array(await file.arrayBuffer());
    const [config, weights] = [named("config.json"), files.find((file) => file.name.endsWith(".safetensors"))];
    const gguf = files.find((file) => file.name.endsWith(".gguf"));
    let next;
    if (gguf !== undefined && files.length === 1) {
      next = await LoadedModel.fromGguf(engine, gguf.name, blobSource(gguf), progress);
    } else if (config !== undefined && weights !== undefined) {
      next = await LoadedModel.fromFolder(engine, weights.name.replace(/\.safetensors$/, ""), {
        config: /** @type {Uint8Array} */ (await bytes(config)),
        weights: blobSource(weights),
        tokenizer: await bytes(named("tokenizer.json")),
        tokenizerConfig: await bytes(named("tokenizer_config.json")),
      }, progress);
    } else {
      return null;
    }
    places.forEach((place) => place.free());
    places.clear();
    model.free();
    model = next;
    return describe();
  },

  tokenize: (text) => model.tokenize(text),
  decode: (ids) => model.decode(Uint32Array.from(ids)),
  score: (ids) => model.score(Uint32Array.from(ids)),

  async look(ids, options) {
    const { place, isKept } = await placeOf(ids);
    return { record: place.choose(options), isKept };
  },

  async write(ids, options, count, tell, id) {
    const writer = model.write(Uint32Array.from(ids), options);
    running = id;
    try {
      for (let written = 0; written < count && running === id; written += 1) {
        const step = await writer.step();
        if (step === undefined) {
          break;
        }
        tell(step);
        // A message that stops the run arrives between two steps.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      return writer.trace();
    } finally {
      writer.free();
    }
  },

  stop(id) {
    running = running === id ? 0 : running;
  },

  async draw(kind, source, options, isPng) {
    fonts ??= ownFonts().then((both) => setFonts(...both));
    await fonts;
    const record = typeof source === "string" ? source : await inside(kind, Uint32Array.from(source), options);
    const drawing = figure(kind, record, options);
    try {
      return isPng ? drawing.png(2) : { svg: drawing.svg, title: drawing.title, altText: drawing.altText };
    } finally {
      drawing.free();
    }
  },
};

/** What the page says of the engine. The reason for the CPU is a word, which the page has in the reader's language. */
async function describe() {
  const isFallback = engine.info.fallback !== null;
  const gpu = /** @type {any} */ (navigator).gpu;
  const hasAdapter = isFallback && Boolean(await gpu?.requestAdapter().catch(() => null));
  const fallback = isFallback ? (hasAdapter ? "software" : "none") : null;
  return { adapter: engine.info.adapter, fallback, model: model.info, kinds: figureKinds().map(({ name }) => name) };
}

addEventListener("message", async ({ data: { id, method, args } }) => {
  const tell = (/** @type {unknown} */ event) => postMessage({ id, event });
  try {
    postMessage({ id, value: await methods[method](...args, tell, id) });
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
