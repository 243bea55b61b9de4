// What all parts of the page use to make elements. Text goes into text nodes alone, so nothing that a model writes is markup.

/**
 * The element with this id.
 * @template {HTMLElement} T
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) {
    throw new Error(`the page has no element ${id}`);
  }
  return /** @type {T} */ (element);
}

/**
 * What the field with this id holds.
 * @param {string} id
 */
export function valueOf(id) {
  return /** @type {HTMLInputElement | HTMLSelectElement} */ (byId(id)).value;
}

/**
 * A new element. `on…` properties are listeners, `class` and names with a dash are attributes, others are properties.
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on") && typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (name === "class" || name.includes("-") || name === "role") {
      if (value !== undefined && value !== null) {
        element.setAttribute(name, String(value));
      }
    } else {
      /** @type {any} */ (element)[name] = value;
    }
  }
  element.append(...children);
  return element;
}

/**
 * Moves the focus among the buttons of a list with the arrow keys. One of them is in the order of the Tab key.
 * @param {HTMLElement} list
 * @param {string} selector
 */
export function roveFocus(list, selector) {
  list.addEventListener("keydown", (event) => {
    const steps = /** @type {Record<string, number>} */ ({ ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 });
    const all = /** @type {HTMLElement[]} */ ([...list.querySelectorAll(selector)]);
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const ends = /** @type {Record<string, number>} */ ({ Home: 0, End: all.length - 1 });
    const next = event.key in ends ? ends[event.key] : at + (steps[event.key] ?? Number.NaN);
    if (at < 0 || all[next] === undefined) {
      return;
    }
    event.preventDefault();
    all[at].tabIndex = -1;
    all[next].tabIndex = 0;
    all[next].focus();
  });
}

/**
 * Runs the newest of many calls: while one runs, only the last of those that come meanwhile is kept.
 * @template T
 * @param {(value: T) => Promise<void>} run
 * @returns {(value: T) => void}
 */
export function newest(run) {
  /** @type {{ value: T } | null} */
  let waiting = null;
  let isRunning = false;
  return async (value) => {
    waiting = { value };
    if (isRunning) {
      return;
    }
    isRunning = true;
    while (waiting !== null) {
      const next = waiting;
      waiting = null;
      await run(next.value);
    }
    isRunning = false;
  };
}

/**
 * Offers a file to the reader.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser needs the address until the download has begun.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
