// The text as a strip of tokens, coloured by the probability that the model gave to each.

import { byId, make, roveFocus } from "./dom.js";
import { percent, visible } from "./tree.js";
import { say } from "./words.js";

/** @typedef {import("./tree.js").Node} Node */

/** The probabilities from which on a token has a stronger colour. */
const BOUNDS = [0.001, 0.01, 0.05, 0.2, 0.5];

/**
 * The number of a colour, from 0 for the least probable tokens.
 * @param {number} prob
 */
export function shade(prob) {
  return BOUNDS.filter((bound) => prob >= bound).length;
}

export class Strip {
  #list = byId("strip");
  #onPick;

  /** @param {(node: Node | null) => void} onPick a token, or `null` for the place behind the last one */
  constructor(onPick) {
    this.#onPick = onPick;
    roveFocus(this.#list, "button");
  }

  /**
   * @param {Node[]} path
   * @param {Node | null} marked the token whose candidates are shown, or `null` for what comes next
   */
  show(path, marked) {
    const hadFocus = this.#list.contains(document.activeElement);
    const chips = path.map((node) => this.#chip(node, node === marked));
    const end = make("button", {
      type: "button", class: `chip end${marked === null ? " is-marked" : ""}`, "aria-pressed": marked === null,
      "aria-label": say("end"), tabIndex: marked === null ? 0 : -1, title: say("end"), onclick: () => this.#onPick(null),
    }, "…");
    this.#list.replaceChildren(...(path.length === 0 ? [make("span", { class: "note" }, say("noTokens"))] : [...chips, end]));
    if (hadFocus) {
      /** @type {HTMLElement | null} */ (this.#list.querySelector(".is-marked"))?.focus();
    }
  }

  /**
   * @param {Node} node
   * @param {boolean} isMarked
   */
  #chip(node, isMarked) {
    const { token, known } = node;
    const values = { text: visible(token), id: token.id, percent: known === null ? "" : percent(known.prob) };
    const isBreak = token.text?.endsWith("\n") ?? false;
    const label = known === null ? say("tokenFirst", values) : say("token", values);
    return make("button", {
      type: "button",
      class: `chip${known === null ? "" : ` shade-${shade(known.prob)}`}${isMarked ? " is-marked" : ""}${isBreak ? " breaks" : ""}`,
      "aria-pressed": isMarked,
      "aria-label": label,
      "data-id": token.id,
      "data-prob": known?.prob,
      tabIndex: isMarked ? 0 : -1,
      title: label,
      onclick: () => this.#onPick(node),
    }, make("span", { class: "chip-text" }, visible(token)), make("span", { class: "chip-prob" }, known === null ? "–" : percent(known.prob)));
  }
}
