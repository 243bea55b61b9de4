// The browser's own engine: the library as WebAssembly, on WebGPU or on the CPU, in a worker.

import { NUM_RECORDED, temperaturesFor } from "./engine.js";
import { say } from "./words.js";

/** @typedef {import("./engine.js").Engine} Engine */

/** @implements {Engine} */
export class BrowserEngine {
  keptLogits = false;
  /** @type {import("./engine.js").Description} */
  description = /** @type {any} */ (null);
  #worker;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void, tell?: (event: any) => void }>} */
  #waiting = new Map();
  #lastId = 0;

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data: { id, value, error, event } }) => {
      const call = this.#waiting.get(id);
      if (event !== undefined) {
        call?.tell?.(event);
        return;
      }
      this.#waiting.delete(id);
      if (error === undefined) {
        call?.resolve(value);
      } else {
        call?.reject(new Error(error));
      }
    });
    worker.addEventListener("error", (event) => this.#fail(event.message));
  }

  /** @param {(word: string, part?: number) => void} tell */
  static async open(tell) {
    const found = await fetch("pkg/sukashi.js", { method: "HEAD" }).catch(() => null);
    if (!found?.ok) {
      throw new Error(say("noPackage"));
    }
    tell("loading");
    const engine = new BrowserEngine(new Worker(new URL("./engine_worker.js", import.meta.url), { type: "module" }));
    const device = new URLSearchParams(location.search).get("device") ?? "auto";
    engine.#describe(await engine.#call("open", [device]), null);
    return engine;
  }

  /**
   * @param {File[]} files
   * @param {(part: number) => void} progress
   */
  async open(files, progress) {
    const opened = await this.#call("openFiles", [files], progress);
    if (opened === null) {
      throw new Error(say("tooManyFiles"));
    }
    const gguf = files.find(({ name }) => name.endsWith(".gguf"));
    this.#describe(opened, gguf?.name ?? opened.model.name);
  }

  /** @param {string} text */
  tokenize(text) {
    return this.#call("tokenize", [text]);
  }

  /** @param {number[]} ids */
  decode(ids) {
    return this.#call("decode", [ids]);
  }

  /** @param {number[]} ids */
  async score(ids) {
    const { tokens } = JSON.parse(await this.#call("score", [ids]));
    return tokens.map((/** @type {any} */ { prediction }) => prediction && { prob: prediction.prob, rank: prediction.rank });
  }

  /**
   * @param {number[]} ids
   * @param {import("./engine.js").Settings} settings
   */
  async look(ids, settings) {
    const { record, isKept } = await this.#call("look", [ids, options(settings)]);
    this.keptLogits = isKept;
    return JSON.parse(record);
  }

  /**
   * @param {number[]} ids
   * @param {import("./engine.js").Settings} settings
   * @param {number} count
   * @param {(step: import("./engine.js").Step) => void} onStep
   * @param {AbortSignal} signal
   */
  async write(ids, settings, count, onStep, signal) {
    const id = this.#lastId + 1;
    signal.addEventListener("abort", () => this.#call("stop", [id]), { once: true });
    return JSON.parse(await this.#call("write", [ids, options(settings), count], onStep));
  }

  /**
   * @param {string} kind
   * @param {import("./engine.js").Source} source
   * @param {import("./engine.js").Style} style
   */
  draw(kind, source, style) {
    return this.#figure(kind, source, style, false);
  }

  /**
   * @param {string} kind
   * @param {import("./engine.js").Source} source
   * @param {import("./engine.js").Style} style
   */
  async png(kind, source, style) {
    return new Blob([await this.#figure(kind, source, style, true)], { type: "image/png" });
  }

  /**
   * @param {string} kind
   * @param {import("./engine.js").Source} source
   * @param {import("./engine.js").Style} style
   * @param {boolean} isPng
   */
  #figure(kind, source, { theme, lang, width, options }, isPng) {
    const given = "record" in source ? JSON.stringify(source.record) : source.ids;
    return this.#call("draw", [kind, given, { ...options, theme, lang, width }, isPng]);
  }

  /**
   * @param {any} opened
   * @param {string | null} modelFlag
   */
  #describe({ adapter, fallback, model, kinds }, modelFlag) {
    this.description = {
      kind: "browser",
      model: model.name,
      adapter,
      fallback,
      maxTokens: model.maxSeqLen,
      numLayers: model.numLayers,
      numHeads: model.numHeads,
      modelFlag,
      kinds,
    };
  }

  /**
   * @param {string} method
   * @param {unknown[]} args
   * @param {(event: any) => void} [tell]
   * @returns {Promise<any>}
   */
  #call(method, args, tell) {
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, tell });
      this.#worker.postMessage({ id, method, args });
    });
  }

  /** @param {string} message */
  #fail(message) {
    const calls = [...this.#waiting.values()];
    this.#waiting.clear();
    calls.forEach(({ reject }) => reject(new Error(message)));
  }
}

/** @param {import("./engine.js").Settings} settings */
function options(settings) {
  // The library reads missing settings as those without effect.
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));
  return { top: NUM_RECORDED, stages: true, temperatures: temperaturesFor(settings), sampling: given };
}
