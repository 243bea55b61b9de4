// The figures: the same SVGs that the program writes.

import { byId, make, newest, roveFocus, save, valueOf } from "./dom.js";
import { unchosen } from "./engine.js";
import { toMarkdown } from "./link.js";
import { cuts, plain } from "./sampler.js";
import { language, say } from "./words.js";

/** @typedef {import("./engine.js").Trace} Trace */
/** @typedef {import("./engine.js").Settings} Settings */
/**
 * What can be drawn: the record of the place that is shown, that of the last run, and the tokens of the text.
 * @typedef {{ look: Trace | null, run: { record: Trace, settings: Settings } | null, ids: number[], query: number | null,
 *   settings: Settings }} Subject
 * @typedef {import("./words.js").Word} Word
 */

/** The kinds in the order of their tabs, with the words on them. @type {[string, Word][]} */
const KINDS = [
  ["next-token", "next-token"], ["temperature", "temperature-figure"], ["sampling", "sampling"], ["top-k", "top-k"],
  ["trace", "trace"], ["tokens", "tokens-figure"], ["attention", "attention"], ["lens", "lens"],
];

export class Figures {
  kind = "next-token";
  /** @type {Subject} */
  #subject = { look: null, run: null, ids: [], query: null, settings: plain() };
  /** @type {import("./engine.js").Picture | null} */
  #picture = null;
  /** What the picture was drawn from. @type {{ source: import("./engine.js").Source, style: import("./engine.js").Style } | null} */
  #drawn = null;
  #engine;
  #theme;
  /** @type {(ignored: null) => void} */
  #redraw;
  #url = "";

  /**
   * @param {import("./engine.js").Engine} engine
   * @param {() => "light" | "dark"} theme
   */
  constructor(engine, theme) {
    this.#engine = engine;
    this.#theme = theme;
    this.#redraw = newest(() => this.#draw());
    const tabs = byId("figure-tabs");
    tabs.replaceChildren(...KINDS.map(([kind, word]) => make("button", {
      type: "button", role: "tab", id: `tab-${kind}`, "aria-controls": "figure", "data-word": word, onclick: () => this.pick(kind),
    }, say(word))));
    roveFocus(tabs, "button");
    this.#fill("layer", engine.description.numLayers, null);
    this.#fill("head", engine.description.numHeads, "allHeads");
    byId("save-svg").onclick = () => this.#picture && save(new Blob([this.#picture.svg], { type: "image/svg+xml" }), `${this.kind}.svg`);
    byId("save-png").onclick = () => this.#savePng();
    this.#mark();
  }

  /** The picture's Markdown. */
  markdown() {
    return this.#picture && toMarkdown(this.#picture.altText, `${this.kind}.svg`);
  }

  /** @param {Subject} subject */
  show(subject) {
    this.#subject = subject;
    this.#redraw(null);
  }

  /** @param {string} kind */
  pick(kind) {
    if (KINDS.some(([known]) => known === kind)) {
      this.kind = kind;
      this.#mark();
      this.#redraw(null);
    }
  }

  /** How a figure is drawn now. @returns {import("./engine.js").Style} */
  style() {
    const room = byId("figure").clientWidth;
    /** @type {Record<string, unknown>} */
    const options = {};
    if (this.kind === "attention") {
      options.layer = Number(valueOf("layer"));
      const head = valueOf("head");
      if (head !== "") {
        options.head = Number(head);
        if (this.#subject.query !== null) {
          options.query = this.#subject.query;
        }
      }
    }
    const recorded = this.#subject.look?.steps[0].temperatures;
    if (this.kind === "temperature" && recorded) {
      options.temperatures = recorded.map(({ temperature }) => temperature);
    }
    // Below 320 pixels, labels have no room; above 960, bars are only longer.
    return { theme: this.#theme(), lang: language(), width: Math.round(Math.min(Math.max(room, 320), 960)), options };
  }

  /** What the kind draws, or the word that says what it needs. @returns {import("./engine.js").Source | Word} */
  #source() {
    const { look, run, ids, settings } = this.#subject;
    if (!this.#engine.description.kinds.includes(this.kind)) {
      return "notHere";
    }
    if (ids.length === 0) {
      return "needsText";
    }
    switch (this.kind) {
      case "trace":
        return run === null ? "needsRun" : { record: run.record };
      case "tokens":
      case "attention":
      case "lens":
        return { ids };
      case "top-k":
        if (!cuts(settings)) {
          return "needsCut";
        }
        break;
      default:
    }
    if (look === null) {
      return "working";
    }
    return { record: this.kind === "sampling" ? look : unchosen(look) };
  }

  async #draw() {
    const note = byId("figure-note");
    const image = /** @type {HTMLImageElement} */ (byId("figure-image"));
    const source = this.#source();
    const kind = this.kind;
    if (typeof source === "string") {
      this.#picture = null;
      image.hidden = true;
      note.textContent = say(source);
      this.#enable();
      return;
    }
    image.setAttribute("aria-busy", "true");
    try {
      const style = this.style();
      const picture = await this.#engine.draw(kind, source, style);
      if (kind !== this.kind) {
        return;
      }
      URL.revokeObjectURL(this.#url);
      // A picture in an <img> runs no scripts and loads nothing.
      this.#url = URL.createObjectURL(new Blob([picture.svg], { type: "image/svg+xml" }));
      [this.#picture, this.#drawn] = [picture, { source, style }];
      image.src = this.#url;
      image.alt = picture.altText;
      image.hidden = false;
      note.textContent = "";
    } catch (error) {
      this.#picture = null;
      image.hidden = true;
      note.textContent = say("failed", { error: error instanceof Error ? error.message : String(error) });
    } finally {
      image.removeAttribute("aria-busy");
      this.#enable();
    }
  }

  async #savePng() {
    if (this.#drawn !== null) {
      save(await this.#engine.png(this.kind, this.#drawn.source, this.#drawn.style), `${this.kind}.png`);
    }
  }

  #enable() {
    for (const name of ["save-svg", "save-png", "copy-markdown"]) {
      /** @type {HTMLButtonElement} */ (byId(name)).disabled = this.#picture === null;
    }
  }

  #mark() {
    for (const [kind] of KINDS) {
      const tab = byId(`tab-${kind}`);
      tab.setAttribute("aria-selected", String(kind === this.kind));
      tab.tabIndex = kind === this.kind ? 0 : -1;
    }
    byId("figure").setAttribute("aria-labelledby", `tab-${this.kind}`);
    byId("attention-options").hidden = this.kind !== "attention";
  }

  /**
   * @param {string} id
   * @param {number} count
   * @param {Word | null} first
   */
  #fill(id, count, first) {
    const select = byId(id);
    const numbers = Array.from({ length: count }, (_, index) => make("option", { value: String(index) }, String(index)));
    select.replaceChildren(...(first === null ? [] : [make("option", { value: "", "data-word": first }, say(first))]), ...numbers);
    select.onchange = () => this.#redraw(null);
  }
}
