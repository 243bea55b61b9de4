// The candidates at a place of the text, as a table whose tokens can be chosen.

import { byId, make, roveFocus } from "./dom.js";
import { percent, visible } from "./tree.js";
import { quoted, say } from "./words.js";

/** @typedef {import("./engine.js").Candidate} Candidate */

const NUM_SHOWN = 10;

export class Candidates {
  #rows = byId("candidate-rows");
  #more = byId("more");
  #onChoose;
  #count = NUM_SHOWN;
  /** @type {{ step: import("./engine.js").Step, standing: number | null, before: string } | null} */
  #shown = null;

  /** @param {(candidate: Candidate) => void} onChoose */
  constructor(onChoose) {
    this.#onChoose = onChoose;
    roveFocus(this.#rows, "button");
    this.#more.addEventListener("click", () => {
      this.#count += 2 * NUM_SHOWN;
      this.#write();
    });
  }

  /** Shows the table for another place from its beginning. */
  rewind() {
    this.#count = NUM_SHOWN;
  }

  /**
   * @param {import("./engine.js").Step} step
   * @param {number | null} standing the id of the token that stands there in the text
   * @param {string} before the text before the place
   */
  show(step, standing, before) {
    this.#shown = { step, standing, before };
    this.#write();
  }

  /** @param {string} why */
  clear(why) {
    this.#shown = null;
    this.#rows.replaceChildren();
    byId("candidates-at").textContent = why;
    byId("entropy").textContent = "";
    byId("candidate-table").hidden = true;
    this.#more.hidden = true;
  }

  #write() {
    if (this.#shown === null) {
      return;
    }
    const { step, standing, before } = this.#shown;
    // The record also has the token that a run chose, which is no neighbour of the others.
    const ranked = step.candidates.filter((candidate, index) => candidate.rank === index + 1);
    const shown = ranked.slice(0, this.#count);
    const stands = step.candidates.find((candidate) => candidate.id === standing);
    if (stands !== undefined && !shown.includes(stands)) {
      shown.push(stands);
    }
    const isFocused = /** @type {HTMLElement | null} */ (document.activeElement)?.closest("#candidate-rows") !== null;
    const largest = Math.max(...shown.map(({ prob, prob_final }) => Math.max(prob, prob_final)));
    const rows = shown.map((candidate, index) => this.#row(candidate, candidate.id === standing, largest, index === 0));
    const rest = Math.max(0, 1 - shown.reduce((sum, { prob }) => sum + prob, 0));
    const restFinal = Math.max(0, 1 - shown.reduce((sum, { prob_final }) => sum + prob_final, 0));
    rows.push(make("tr", { class: "others" }, make("td"), make("td", {}, say("other")),
      make("td", {}, percent(rest)), make("td", {}, percent(restFinal < 1e-9 ? 0 : restFinal)), make("td")));
    this.#rows.replaceChildren(...rows);
    if (isFocused) {
      this.#rows.querySelector("button")?.focus();
    }
    const tail = [...before].length > 24 ? `…${[...before].slice(-24).join("")}` : before;
    byId("candidates-at").textContent = say("candidatesAt", { text: quoted(tail.replaceAll("\n", "↵")) });
    byId("entropy").textContent = say("entropy", { bits: step.entropy_bits.toFixed(2), size: step.vocab_size });
    byId("candidate-table").hidden = false;
    this.#more.hidden = ranked.length <= this.#count;
  }

  /**
   * @param {Candidate} candidate
   * @param {boolean} isStanding
   * @param {number} largest
   * @param {boolean} isFirst
   */
  #row(candidate, isStanding, largest, isFirst) {
    const { rank, id, prob, prob_final: final } = candidate;
    const isCut = final === 0;
    const bars = make("span", { class: "bars", "aria-hidden": "true" }, make("span", { class: "bar model" }), make("span", { class: "bar final" }));
    // Styles by the object model are no inline styles, which the page's policy forbids.
    /** @type {HTMLElement} */ (bars.children[0]).style.setProperty("--part", String(prob / largest));
    /** @type {HTMLElement} */ (bars.children[1]).style.setProperty("--part", String(final / largest));
    const button = make("button", {
      type: "button", class: "choose", tabIndex: isFirst ? 0 : -1, title: isStanding ? say("stands") : `id ${id}`,
      onclick: () => this.#onChoose(candidate),
    }, visible(candidate));
    return make("tr", {
      class: `${isCut ? "is-cut" : ""}${isStanding ? " is-standing" : ""}`, "data-id": id, "data-prob": prob, "data-final": final,
    }, make("td", {}, String(rank)), make("th", { scope: "row" }, button), make("td", {}, percent(prob)),
    make("td", {}, isCut ? say("cut") : percent(final)), make("td", { class: "bar-cell" }, bars));
  }
}
