// The engine of the server that delivered the page. docs/server.md describes what it answers.

import { NUM_RECORDED, pictureOf, temperaturesFor } from "./engine.js";

/** @typedef {import("./engine.js").Engine} Engine */

/** @implements {Engine} */
export class ServerEngine {
  keptLogits = false;
  /** @type {import("./engine.js").Description} */
  description;
  /** @type {string | null} */
  #key = null;
  #askKey;

  /** @param {(wrong: boolean) => Promise<string>} askKey */
  constructor(askKey) {
    this.#askKey = askKey;
    this.description = /** @type {any} */ (null);
  }

  /** @param {(wrong: boolean) => Promise<string>} askKey */
  static async open(askKey) {
    const engine = new ServerEngine(askKey);
    const props = await (await engine.#ask("props")).json();
    engine.description = {
      kind: "server",
      model: props.model,
      adapter: props.adapter,
      fallback: null,
      maxTokens: props.default_generation_settings.n_ctx,
      numLayers: props.num_layers,
      numHeads: props.num_heads,
      modelFlag: props.model === "soseki-mini" ? null : props.model,
      kinds: ["next-token", "temperature", "sampling", "top-k", "trace", "tokens", "attention", "lens"],
    };
    return engine;
  }

  /** @param {string} text */
  async tokenize(text) {
    const { tokens } = await this.#json("tokenize", { prompt: text, with_pieces: true });
    return tokens.map((/** @type {{ id: number, piece: string | number[] }} */ { id, piece }) => ({
      id,
      text: typeof piece === "string" ? piece : null,
      bytes: typeof piece === "string" ? null : piece,
    }));
  }

  /** @param {number[]} ids */
  async decode(ids) {
    return (await this.#json("detokenize", { tokens: ids })).content;
  }

  /** @param {number[]} ids */
  async score(ids) {
    const { rows } = await this.#json("v1/figure/tokens", { prompt: ids, format: "json" });
    return rows.map((/** @type {any} */ row) => (row.prob === null ? null : { prob: row.prob, rank: row.rank }));
  }

  /**
   * @param {number[]} ids
   * @param {import("./engine.js").Settings} settings
   */
  async look(ids, settings) {
    return this.#json("v1/trace", order(ids, settings, 1));
  }

  /**
   * @param {number[]} ids
   * @param {import("./engine.js").Settings} settings
   * @param {number} count
   * @param {(step: import("./engine.js").Step) => void} onStep
   * @param {AbortSignal} signal
   */
  async write(ids, settings, count, onStep, signal) {
    /** @type {import("./engine.js").Trace | null} */
    let record = null;
    try {
      const answer = await this.#ask("v1/trace", { ...order(ids, settings, count), stream: true }, signal);
      for await (const event of events(answer)) {
        if (event.error) {
          throw new Error(event.error.message);
        }
        record = event.trace ?? record;
        if (event.step) {
          onStep(event.step);
        }
      }
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    }
    return record;
  }

  /**
   * @param {string} kind
   * @param {import("./engine.js").Source} source
   * @param {import("./engine.js").Style} style
   */
  async draw(kind, source, style) {
    return pictureOf(await (await this.#figure(kind, source, style, "svg")).text());
  }

  /**
   * @param {string} kind
   * @param {import("./engine.js").Source} source
   * @param {import("./engine.js").Style} style
   */
  async png(kind, source, style) {
    return (await this.#figure(kind, source, style, "png")).blob();
  }

  /**
   * @param {string} kind
   * @param {import("./engine.js").Source} source
   * @param {import("./engine.js").Style} style
   * @param {string} format
   */
  #figure(kind, source, { theme, lang, width, options }, format) {
    const about = "record" in source ? { record: source.record } : { prompt: source.ids };
    return this.#ask(`v1/figure/${kind}`, { ...about, format, theme, lang, width: `${width}px`, options });
  }

  /**
   * @param {string} path
   * @param {object} body
   */
  async #json(path, body) {
    return (await this.#ask(path, body)).json();
  }

  /**
   * @param {string} path
   * @param {object} [body]
   * @param {AbortSignal} [signal]
   * @returns {Promise<Response>}
   */
  async #ask(path, body, signal) {
    for (;;) {
      /** @type {Record<string, string>} */
      const headers = this.#key === null ? {} : { authorization: `Bearer ${this.#key}` };
      const answer = await fetch(path, body === undefined
        ? { headers, signal }
        : { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body), signal });
      if (answer.ok) {
        return answer;
      }
      if (answer.status === 401) {
        this.#key = await this.#askKey(this.#key !== null);
        continue;
      }
      const refusal = await answer.json().catch(() => null);
      throw new Error(refusal?.error?.message ?? `the server answers ${answer.status} to ${path}`);
    }
  }
}

/**
 * A request for a record with all that figures need.
 * @param {number[]} ids
 * @param {import("./engine.js").Settings} settings
 * @param {number} count
 */
function order(ids, settings, count) {
  const recorded = { top: NUM_RECORDED, record_stages: true, temperatures: temperaturesFor(settings) };
  return { prompt: ids, max_tokens: count, ...recorded, ...settings };
}

/**
 * The events of a stream, up to its end.
 * @param {Response} answer
 */
async function* events(answer) {
  if (answer.body === null) {
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      throw new Error("the server ended the answer early");
    }
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.filter((line) => line.startsWith("data: "))) {
      if (line === "data: [DONE]") {
        return;
      }
      yield JSON.parse(line.slice("data: ".length));
    }
  }
}
