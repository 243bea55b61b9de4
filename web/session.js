// A visit with an engine: the text that is shown, the place in it whose candidates are shown, and what the reader does.

import { Branches } from "./branches.js";
import { Candidates } from "./candidates.js";
import { byId, newest } from "./dom.js";
import { Sampler, plain } from "./sampler.js";
import { Strip } from "./strip.js";
import { Tree } from "./tree.js";
import { say } from "./words.js";

/** @typedef {import("./tree.js").Node} Node */
/** @typedef {import("./engine.js").Trace} Trace */
/** @typedef {{ record: Trace, settings: import("./engine.js").Settings }} Run */

/**
 * What went wrong, in words.
 * @param {unknown} error
 */
export function words(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {unknown} error `null` if nothing is wrong any more */
export function tell(error) {
  byId("trouble").textContent = error === null ? "" : say("failed", { error: words(error) });
}

export class Session {
  tree = new Tree();
  /** The token whose candidates are shown; `null` for what comes next. @type {Node | null} */
  marked = null;
  /** The record of the place that is shown. @type {Trace | null} */
  look = null;
  /** The last run. @type {Run | null} */
  lastRun = null;
  /** Tokens a second of the last run that had several. */
  speed = 0;
  sampler = new Sampler(() => this.refresh("setting"));
  #running = /** @type {AbortController | null} */ (null);
  #text = /** @type {HTMLTextAreaElement} */ (byId("text"));
  #strip = new Strip((node) => {
    this.marked = node;
    this.#candidates.rewind();
    this.refresh("place");
  });
  #candidates = new Candidates((candidate) => this.branch(candidate));
  #branches = new Branches((node) => this.visit(node), (node) => {
    this.tree.forget(node);
    this.visit(this.tree.here);
  });
  #lookAgain = newest((/** @type {"place" | "setting"} */ why) => this.#look(why));
  /** Reads the text that was typed. */
  enter = newest((/** @type {string} */ written) => this.#enter(written));
  #onChange;

  /**
   * @param {import("./engine.js").Engine} engine
   * @param {() => void} onChange when there is something else to draw or to say
   */
  constructor(engine, onChange) {
    this.engine = engine;
    this.#onChange = onChange;
  }

  /**
   * Shows a text from its beginning, with nothing else in the tree.
   * @param {string} written
   * @param {number[]} [ids] its tokens, if they are not those of its letters
   */
  async begin(written, ids) {
    this.#running?.abort();
    this.tree = new Tree();
    [this.marked, this.look, this.lastRun, this.speed] = [null, null, null, 0];
    if (ids === undefined) {
      this.#text.value = written;
      this.enter(written);
      return;
    }
    try {
      this.tree.enter((await this.engine.look(ids, plain())).prompt.tokens);
      await this.visit(this.tree.here);
    } catch (error) {
      tell(error);
    }
  }

  /** The node behind which candidates are shown. */
  place() {
    return this.marked === null ? this.tree.here : (this.marked.parent ?? this.tree.root);
  }

  /** Shows the strip and the tree at once, and asks for the candidates. @param {"place" | "setting"} why */
  refresh(why) {
    if (why === "place") {
      this.showTokens();
      this.look = null;
    }
    this.#lookAgain(why);
  }

  /** Writes what is shown once more, in the page's language. */
  showTokens() {
    this.#strip.show(this.tree.here.path(), this.marked);
    this.#branches.show(this.tree);
  }

  /** @param {"place" | "setting"} why */
  async #look(why) {
    const node = this.place();
    const { maxTokens } = this.engine.description;
    if (node === this.tree.root || node.depth >= maxTokens) {
      const isFull = node !== this.tree.root;
      this.#candidates.clear(isFull ? say("full", { count: maxTokens }) : say(this.marked === null ? "noText" : "unknownProb"));
      byId("how-fast").textContent = "";
      this.#onChange();
      return;
    }
    const begin = performance.now();
    try {
      byId("how-fast").textContent = say("working");
      const record = await this.engine.look(node.ids(), this.sampler.get());
      if (node !== this.place()) {
        return;
      }
      this.look = record;
      this.#candidates.show(record.steps[0], this.marked?.token.id ?? null, record.prompt.text ?? "");
      const isAsked = why === "setting" && this.engine.description.kind === "server";
      const how = this.engine.keptLogits ? "keptLogits" : isAsked ? "asked" : "lookedAt";
      byId("how-fast").textContent = say(how, { ms: Math.round(performance.now() - begin) });
      this.#onChange();
    } catch (error) {
      this.#candidates.clear("");
      tell(error);
    }
  }

  /** @param {string} written */
  async #enter(written) {
    try {
      const tokens = written === "" ? [] : await this.engine.tokenize(written);
      if (written !== this.#text.value) {
        return;
      }
      this.tree.enter(tokens);
      this.marked = null;
      this.#candidates.rewind();
      tell(null);
      this.refresh("place");
      await this.#score();
    } catch (error) {
      tell(error);
    }
  }

  /** Asks what the model says of tokens that it did not choose. */
  async #score() {
    const path = this.tree.here.path();
    if (path.slice(1).every(({ known }) => known !== null)) {
      return;
    }
    try {
      const known = await this.engine.score(path.map(({ token }) => token.id));
      path.forEach((node, index) => {
        node.known = known[index] ?? node.known;
      });
      this.showTokens();
    } catch (error) {
      byId("trouble").textContent = say("unscored", { error: words(error) });
    }
  }

  /** Continues the text at the place that is shown. @param {import("./engine.js").Candidate} candidate */
  branch({ id, text, bytes, prob, rank }) {
    this.#running?.abort();
    this.visit(this.tree.choose(this.place(), { id, text, bytes }, { prob, rank }));
  }

  /** Shows a text of the tree. @param {Node} node */
  async visit(node) {
    this.#running?.abort();
    this.tree.here = node;
    this.marked = null;
    this.#candidates.rewind();
    this.refresh("place");
    await this.#writeText();
    await this.#score();
  }

  /** Writes the text of the tokens into the field. */
  async #writeText() {
    const node = this.tree.here;
    try {
      const decoded = node === this.tree.root ? "" : await this.engine.decode(node.ids());
      if (node === this.tree.here) {
        this.#text.value = decoded;
      }
    } catch (error) {
      tell(error);
    }
  }

  /** Ends the run. What it wrote stays. */
  stop() {
    this.#running?.abort();
  }

  /** Lets the model continue the text. @param {number} count */
  async run(count) {
    const ids = this.tree.here.ids();
    const room = Math.min(count, this.engine.description.maxTokens - ids.length);
    if (this.#running !== null || ids.length === 0 || room < 1) {
      return;
    }
    const controller = new AbortController();
    this.#running = controller;
    this.#setRunning(true);
    this.marked = null;
    const settings = this.sampler.get();
    let [written, began] = [0, 0];
    try {
      const record = await this.engine.write(ids, settings, room, (step) => {
        if (!controller.signal.aborted) {
          this.#append(step);
          began ||= performance.now();
          written += 1;
        }
      }, controller.signal);
      this.lastRun = record === null ? this.lastRun : { record, settings };
      // The first token waits for the prompt.
      this.speed = written > 1 ? (1000 * (written - 1)) / (performance.now() - began) : this.speed;
      if (/** @type {HTMLInputElement} */ (byId("next-seed")).checked) {
        /** @type {HTMLInputElement} */ (byId("seed")).value = String(settings.seed + 1);
      }
      tell(null);
    } catch (error) {
      tell(error);
    } finally {
      this.#running = null;
      this.#setRunning(false);
    }
    this.refresh("place");
    // Bytes of unfinished characters have no text of their own.
    await this.#writeText();
  }

  /** Shows a token that the model chose. @param {import("./engine.js").Step} step */
  #append({ chosen, candidates }) {
    const candidate = candidates.find(({ id }) => id === chosen?.id);
    if (candidate === undefined) {
      return;
    }
    const { id, text, bytes, prob, rank } = candidate;
    this.tree.choose(this.tree.here, { id, text, bytes }, { prob, rank });
    this.#strip.show(this.tree.here.path(), null);
    this.#text.value += text ?? "";
  }

  /** @param {boolean} isRunning */
  #setRunning(isRunning) {
    for (const name of ["step", "run"]) {
      byId(name).toggleAttribute("disabled", isRunning);
    }
    byId("stop").toggleAttribute("disabled", !isRunning);
    this.#text.readOnly = isRunning;
  }
}
