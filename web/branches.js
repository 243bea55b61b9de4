// The texts of a visit as a tree.

import { byId, make } from "./dom.js";
import { visible } from "./tree.js";
import { say } from "./words.js";

/** @typedef {import("./tree.js").Branch} Branch */
/** @typedef {import("./tree.js").Node} Node */

export class Branches {
  #onVisit;
  #onForget;

  /**
   * @param {(node: Node) => void} onVisit
   * @param {(node: Node) => void} onForget
   */
  constructor(onVisit, onForget) {
    this.#onVisit = onVisit;
    this.#onForget = onForget;
  }

  /** @param {import("./tree.js").Tree} tree */
  show(tree) {
    const branches = tree.branches();
    const isOne = branches.length === 0 || (branches.length === 1 && branches[0].branches.length === 0);
    byId("no-branches").hidden = !isOne;
    byId("branch-tree").replaceChildren(...(isOne ? [] : branches.map((branch) => this.#item(branch, tree.here))));
  }

  /**
   * @param {Branch} branch
   * @param {Node} here
   * @returns {HTMLElement}
   */
  #item({ first, last, nodes, branches }, here) {
    const isOnPath = here.isWithin(first);
    const isHere = here === last;
    const bits = nodes.every(({ known }) => known !== null) && first.parent !== null
      ? -nodes.reduce((sum, { known }) => sum + Math.log2(known?.prob ?? 1), 0)
      : null;
    const cost = bits === null ? say("countOnly", { count: nodes.length }) : say("bits", { count: nodes.length, bits: bits.toFixed(1) });
    const visit = make("button", {
      type: "button", class: `visit${isOnPath ? " is-on-path" : ""}`, "aria-current": isHere ? "true" : undefined, title: cost,
      onclick: () => this.#onVisit(last),
    }, nodes.map(({ token }) => visible(token)).join(""));
    const forget = make("button", {
      type: "button", class: "forget", "aria-label": say("forget"), title: say("forget"), onclick: () => this.#onForget(first),
    }, "×");
    const inner = branches.map((branch) => this.#item(branch, here));
    return make("li", {}, make("span", { class: "branch" }, visit, make("span", { class: "note" }, cost), forget),
      ...(inner.length === 0 ? [] : [make("ul", {}, ...inner)]));
  }
}
