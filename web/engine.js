// What the page asks of an engine, and the choice of one.

/**
 * @typedef {{ id: number, text: string | null, bytes: number[] | null }} Token
 * @typedef {{ rank: number, id: number, text: string | null, bytes: number[] | null, logit: number, prob: number,
 *   prob_scaled: number, prob_final: number }} Candidate
 * @typedef {{ position: number, candidates: Candidate[], other_prob: number, entropy_bits: number, vocab_size: number,
 *   temperatures: { temperature: number }[], stages?: { draw: object | null } | null,
 *   chosen: { id: number, text: string | null, prob: number, prob_scaled: number, prob_final: number } | null }} Step
 * @typedef {{ schema: string, model: { name: string }, adapter: Adapter, sampling: object,
 *   prompt: { text: string | null, tokens: Token[] }, steps: Step[], text: string | null }} Trace
 * @typedef {{ name: string, backend: string, driver: string, kind: string }} Adapter
 * @typedef {{ prob: number, rank: number } | null} Known what a model said of a token of a text
 *
 * The settings of the sampler, by the names in records. `null` switches one off.
 * @typedef {{ temperature: number, top_k: number | null, top_p: number | null, min_p: number | null,
 *   typical_p: number | null, repetition_penalty: number, frequency_penalty: number, presence_penalty: number,
 *   seed: number }} Settings
 *
 * @typedef {{ theme: "light" | "dark", lang: "ja" | "en", width: number, options: Record<string, unknown> }} Style
 * What a figure draws: a record, or the tokens of a text.
 * @typedef {{ record: Trace } | { ids: number[] }} Source
 * @typedef {{ svg: string, title: string, altText: string }} Picture
 *
 * @typedef {object} Description
 * @property {"server" | "browser"} kind
 * @property {string} model
 * @property {Adapter} adapter
 * @property {"none" | "software" | null} fallback why the engine is on the CPU: no adapter, or one that is software and slower
 * @property {number} maxTokens the most tokens of a text
 * @property {number} numLayers
 * @property {number} numHeads
 * @property {string | null} modelFlag what `sukashi --model` calls the model; `null` for the one in the program
 * @property {string[]} kinds the figures that the engine draws
 *
 * @typedef {object} Engine
 * @property {Description} description
 * @property {boolean} keptLogits whether the last look needed no pass through the model
 * @property {(text: string) => Promise<Token[]>} tokenize
 * @property {(ids: number[]) => Promise<string>} decode
 * @property {(ids: number[]) => Promise<Known[]>} score what the model says of each token of a text
 * @property {(ids: number[], settings: Settings) => Promise<Trace>} look the next token, and what would be chosen
 * @property {(ids: number[], settings: Settings, count: number, onStep: (step: Step) => void, signal: AbortSignal) =>
 *   Promise<Trace | null>} write continues a text; `null` if it was stopped before its record came
 * @property {(kind: string, source: Source, style: Style) => Promise<Picture>} draw
 * @property {(kind: string, source: Source, style: Style) => Promise<Blob>} png
 * @property {(files: File[], progress: (part: number) => void) => Promise<void>} [open] loads a model of the reader's
 */

/**
 * The temperatures at which a record can be drawn: some to compare with, and the one that is set.
 * @param {Settings} settings
 */
export function temperaturesFor({ temperature }) {
  return [...new Set([0.5, 1, 2, ...(temperature > 0 ? [temperature] : [])])].sort((a, b) => a - b);
}

/** The candidates that a look records. The figures of the sampler need more of them than they draw. */
export const NUM_RECORDED = 200;

/**
 * The engine of the server that delivered the page, or else the browser's.
 * @param {(wrong: boolean) => Promise<string>} askKey asks the reader for the server's key
 * @param {(word: string, part?: number) => void} say tells the reader what is going on
 * @returns {Promise<Engine>}
 */
export async function openEngine(askKey, say) {
  if (await isServed(say)) {
    const { ServerEngine } = await import("./engine_server.js");
    return ServerEngine.open(askKey);
  }
  const { BrowserEngine } = await import("./engine_browser.js");
  return BrowserEngine.open(say);
}

/**
 * Whether `sukashi serve` delivered the page. Waits while it loads its model.
 * @param {(word: string) => void} say
 */
async function isServed(say) {
  for (;;) {
    const answer = await fetch("health").catch(() => null);
    if (answer === null || !(answer.headers.get("content-type") ?? "").startsWith("application/json")) {
      return false;
    }
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) {
      return body.status === "ok";
    }
    if (body.error?.code !== "model_loading") {
      throw new Error(body.error?.message ?? `the server answers ${answer.status}`);
    }
    say("loading");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/**
 * A record without the choice, for figures of the distribution alone.
 * @param {Trace} record
 * @returns {Trace}
 */
export function unchosen(record) {
  const steps = record.steps.map((step) => ({
    ...step,
    chosen: null,
    stages: step.stages && { ...step.stages, draw: null },
  }));
  return { ...record, steps, text: record.prompt.text };
}

/**
 * The text for readers who cannot see a picture: the description in its SVG.
 * @param {string} svg
 * @returns {Picture}
 */
export function pictureOf(svg) {
  const root = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const text = (/** @type {string} */ tag) => root.querySelector(`:scope > ${tag}`)?.textContent ?? "";
  return { svg, title: text("title"), altText: text("desc") || text("title") };
}
