// The state of the page as a link, and as a command of the program.

/** @typedef {import("./engine.js").Settings} Settings */
/** @typedef {{ text?: string, ids?: number[], settings: Partial<Settings>, figure?: string, count?: number }} State */

/** The names of settings in a link, which are those of the program's flags, and the values that need no mention. */
const FLAGS = /** @type {const} */ ([
  ["temperature", "temperature", 1], ["top_k", "top-k", null], ["top_p", "top-p", null], ["min_p", "min-p", null],
  ["typical_p", "typical-p", null], ["repetition_penalty", "repetition-penalty", 1],
  ["frequency_penalty", "frequency-penalty", 0], ["presence_penalty", "presence-penalty", 0],
]);

/**
 * The part of an address behind its #, which browsers send to nobody.
 * @param {State} state
 */
export function toFragment(state) {
  const fields = new URLSearchParams();
  if (state.ids !== undefined) {
    fields.set("ids", state.ids.join(","));
  } else if (state.text) {
    fields.set("text", state.text);
  }
  for (const [name, flag, off] of FLAGS) {
    const value = state.settings[name];
    if (value !== undefined && value !== off) {
      fields.set(flag, String(value));
    }
  }
  if (state.settings.seed) {
    fields.set("seed", String(state.settings.seed));
  }
  if (state.count !== undefined) {
    fields.set("tokens", String(state.count));
  }
  if (state.figure !== undefined) {
    fields.set("figure", state.figure);
  }
  return `#${fields}`;
}

/**
 * The state in a fragment. What cannot be read is left out.
 * @param {string} fragment
 * @returns {State}
 */
export function fromFragment(fragment) {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  const number = (/** @type {string} */ name) => {
    const value = Number(fields.get(name) ?? "");
    return fields.get(name) && Number.isFinite(value) && value >= 0 ? value : undefined;
  };
  /** @type {State} */
  const state = { settings: {} };
  const ids = (fields.get("ids") ?? "").split(",").map(Number).filter((id) => Number.isSafeInteger(id) && id >= 0);
  if (fields.get("ids") && ids.length > 0) {
    state.ids = ids;
  }
  state.text = fields.get("text") ?? undefined;
  for (const [name, flag] of FLAGS) {
    const value = number(flag);
    if (value !== undefined) {
      state.settings[name] = value;
    }
  }
  state.settings.seed = number("seed") ?? 0;
  state.count = number("tokens");
  state.figure = fields.get("figure") ?? undefined;
  return state;
}

/**
 * A word of a command line as a POSIX shell reads it.
 * @param {string} word
 */
export function shellWord(word) {
  return /^[\w.,/:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The figures that a sampler's settings change, and those that a seed changes. */
const SAMPLED = ["next-token", "top-k", "sampling", "trace"];
const SEEDED = ["sampling", "trace"];

/**
 * The command that draws a figure.
 * @param {{ kind: string, text: string, ids: number[] | null, settings: Settings, count: number | null, model: string | null,
 *   style: import("./engine.js").Style }} what `ids` if the text alone has other tokens
 */
export function toCommand({ kind, text, ids, settings, count, model, style }) {
  const words = ["sukashi", "figure", kind];
  const add = (/** @type {string} */ name, /** @type {unknown} */ value) => words.push(`--${name}`, shellWord(String(value)));
  if (ids !== null) {
    add("ids", ids.join(","));
  } else {
    // A text that begins like a flag stands behind `--`.
    words.push(...(text.startsWith("-") ? [] : [shellWord(text)]));
  }
  if (model !== null) {
    add("model", model);
  }
  if (SAMPLED.includes(kind)) {
    FLAGS.filter(([name, , off]) => settings[name] !== off).forEach(([name, flag]) => add(flag, settings[name]));
  }
  if (SEEDED.includes(kind)) {
    add("seed", settings.seed);
  }
  if (kind === "trace" && count !== null) {
    add("max-new-tokens", count);
  }
  for (const [name, value] of Object.entries(style.options)) {
    add(name, Array.isArray(value) ? value.join(",") : value);
  }
  add("theme", style.theme);
  add("lang", style.lang);
  words.push("-o", `${kind}.svg`);
  if (ids === null && text.startsWith("-")) {
    words.push("--", shellWord(text));
  }
  return words.join(" ");
}

/**
 * A picture in Markdown.
 * @param {string} altText
 * @param {string} file
 */
export function toMarkdown(altText, file) {
  return `![${altText.replaceAll(/\s+/g, " ").replaceAll(/[[\]\\]/g, "\\$&")}](${file})`;
}
