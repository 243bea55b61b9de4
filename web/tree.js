// The texts of a visit as a tree of tokens: texts that begin alike share a path, and every other token begins a branch.

/** @typedef {import("./engine.js").Token} Token */

/** A token after those of its parents. The root has none. */
export class Node {
  /** @type {Map<number, Node>} */
  children = new Map();
  /** What the model said of this token where it stands. @type {import("./engine.js").Known} */
  known = null;
  /** Whether a choice led here, so that the branch stays when the text changes. */
  isKept = false;

  /**
   * @param {Node | null} parent
   * @param {Token} token
   */
  constructor(parent, token) {
    this.parent = parent;
    this.token = token;
    /** @type {number} */
    this.depth = parent === null ? 0 : parent.depth + 1;
  }

  /** The nodes from the first token to this one. @returns {Node[]} */
  path() {
    const nodes = [];
    for (let node = /** @type {Node} */ (this); node.parent !== null; node = node.parent) {
      nodes.push(node);
    }
    return nodes.reverse();
  }

  /** @returns {number[]} */
  ids() {
    return this.path().map((node) => node.token.id);
  }

  /**
   * The node of a token after this one.
   * @param {Token} token
   * @returns {Node}
   */
  child(token) {
    let child = this.children.get(token.id);
    if (child === undefined) {
      child = new Node(this, token);
      this.children.set(token.id, child);
    }
    return child;
  }

  /** @param {Node} other */
  isWithin(other) {
    for (let node = /** @type {Node | null} */ (this); node !== null; node = node.parent) {
      if (node === other) {
        return true;
      }
    }
    return false;
  }
}

/** All texts, and the one that is shown. */
export class Tree {
  root = new Node(null, { id: -1, text: "", bytes: null });
  /** The last token of the text that is shown. */
  here = this.root;

  /**
   * Shows a text that was typed. A branch that only typing made is forgotten with it.
   * @param {Token[]} tokens
   */
  enter(tokens) {
    const left = this.here;
    this.here = tokens.reduce((node, token) => node.child(token), this.root);
    for (let node = left; node.parent !== null && node.children.size === 0 && !node.isKept; node = node.parent) {
      if (this.here.isWithin(node)) {
        break;
      }
      node.parent.children.delete(node.token.id);
    }
  }

  /**
   * Continues the text behind `node` with a token that was chosen.
   * @param {Node} node
   * @param {Token} token
   * @param {import("./engine.js").Known} known
   */
  choose(node, token, known) {
    this.here.isKept = this.here.parent !== null;
    this.here = node.child(token);
    this.here.isKept = true;
    this.here.known = known ?? this.here.known;
    return this.here;
  }

  /**
   * Forgets a branch. If the text that is shown goes with it, the text before the branch is shown.
   * @param {Node} node
   */
  forget(node) {
    if (node.parent === null) {
      return;
    }
    node.parent.children.delete(node.token.id);
    if (this.here.isWithin(node)) {
      this.here = node.parent;
    }
  }

  /**
   * The branches below a node: runs of tokens without a choice between them.
   * @param {Node} [from]
   * @returns {Branch[]}
   */
  branches(from = this.root) {
    return [...from.children.values()].map((first) => {
      const nodes = [first];
      let last = first;
      while (last.children.size === 1) {
        last = /** @type {Node} */ (last.children.values().next().value);
        nodes.push(last);
      }
      return { first, last, nodes, branches: this.branches(last) };
    });
  }
}

/** @typedef {{ first: Node, last: Node, nodes: Node[], branches: Branch[] }} Branch */

/**
 * A token as a reader sees it: blanks and line ends by signs, bytes that are no character by their numbers.
 * @param {Token} token
 */
export function visible({ id, text, bytes }) {
  if (text === null) {
    const shown = bytes?.map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(" ");
    return shown === undefined ? `#${id}` : `<${shown}>`;
  }
  const signs = /** @type {Record<string, string>} */ ({ " ": "␣", "\n": "↵", "\t": "⇥", "\u3000": "□" });
  return text.replace(/[ \n\t\u3000]/g, (sign) => signs[sign]);
}

/**
 * A probability as the figures write it.
 * @param {number} prob
 */
export function percent(prob) {
  if (prob > 0 && prob < 0.0001) {
    return "<0.01%";
  }
  return `${(100 * prob).toFixed(prob !== 0 && prob < 0.01 ? 2 : 1)}%`;
}
