// What scripts/check_web.mjs calls in the page.

import init, { Engine, LoadedModel, Verifier, figure, setFonts } from "/pkg/sukashi.js";
import { httpSource, ownFonts, sosekiMini } from "/pkg/sources.js";

const prompt = "吾輩は";
let engine;
let model;
let folder;
let memory;

const now = () => Math.round(performance.now());
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Opens an engine and chooses the first token. Gives times in milliseconds since the page was opened. */
globalThis.start = async (device) => {
  // The files arrive while the module compiles.
  const files = sosekiMini();
  ({ memory } = await init());
  const compiled = now();
  try {
    engine = await Engine.open(device);
  } catch (error) {
    return { missing: error.message };
  }
  const opened = now();
  folder = await files;
  model = await LoadedModel.fromFolder(engine, "soseki-mini", folder);
  const loaded = now();
  await model.write(prompt).step();
  return { info: engine.info, compiled, opened, loaded, firstToken: now() };
};

/** Computes the golden's prompt and its greedy text, draws a figure, and is refused once. */
globalThis.golden = async ({ ids, greedy }) => {
  const input = Uint32Array.from(ids);
  const options = { sampling: { choice: "greedy" } };
  const record = await model.next(input, { top: 20 });
  const writer = model.write(input, options);
  for (let count = 0; count < greedy.length; count += 1) {
    await writer.step();
  }
  const other = model.write(input, options);
  await other.step();
  const advanced = Array.from(await other.advance(greedy.length - 1));

  setFonts(...(await ownFonts()));
  const drawing = figure("sampling", await model.next(prompt, { stages: true, top: 20 }), { lang: "en" });
  let refused = {};
  try {
    model.tokenize("😀");
  } catch (error) {
    refused = { kind: error.kind, message: error.message };
  }
  // Weights from ranges, as of a large file: their bytes arrive later.
  const weights = await httpSource("/pkg/soseki-mini/model.safetensors");
  const streamed = await LoadedModel.fromFolder(engine, "soseki-mini", { ...folder, weights });
  const isSame = (await streamed.next(input, { top: 20 })) === record.replace(folder.weights.sha256, "");
  const runs = 3;
  const speed = await speedOf(runs, async (writer, count) => {
    for (let done = 0; done < count; done += 1) {
      await writer.step();
    }
  });
  const fastSpeed = await speedOf(runs, (writer, count) => writer.advance(count));
  return {
    record, greedy: Array.from(writer.ids.subarray(ids.length)), advanced, refused, isSame, runs, speed, fastSpeed,
    svg: drawing.svg, altText: drawing.altText, memory: memory.buffer.byteLength,
  };
};

/** The median of tokens a second, after a first token and a warm-up. */
async function speedOf(runs, advance) {
  const count = 20;
  const speeds = [];
  for (let run = 0; run < runs; run += 1) {
    const writer = model.write(prompt, { sampling: { top_k: 40, seed: run } });
    await writer.step();
    await advance(writer, 5);
    const begin = performance.now();
    await advance(writer, count);
    speeds.push((1000 * count) / (performance.now() - begin));
    writer.free();
  }
  return median(speeds);
}

globalThis.kernels = () => {
  const { kernels, lacking } = new Verifier(engine);
  return { kernels, lacking };
};

globalThis.verify = (kernel, stride) => new Verifier(engine).kernel(kernel, stride);

/** The error of a kernel that needs more than the engine has. */
globalThis.refusal = async (kernel) => {
  try {
    await new Verifier(engine).kernel(kernel, 1000);
  } catch (error) {
    return { kind: error.kind, message: error.message };
  }
  return undefined;
};

globalThis.verifyModel = async () => {
  const twins = await Engine.open("twins");
  return Verifier.model(model, await LoadedModel.fromFolder(twins, "soseki-mini", folder));
};

/** What `auto` opens, and why. */
globalThis.automatic = async () => {
  await init();
  return (await Engine.open("auto")).info;
};
