// The reader's language and colours, which the browser remembers.

import { byId } from "./dom.js";
import { speak } from "./words.js";

/** @typedef {"auto" | "light" | "dark"} Theme */

const system = matchMedia("(prefers-color-scheme: dark)");

/** The colours of the page now. @returns {"light" | "dark"} */
export function theme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : system.matches ? "dark" : "light";
}

/**
 * Shows the page as the reader chose, or as the system does.
 * @param {() => void} onChange
 */
export function prepareChoices(onChange) {
  const lang = /** @type {HTMLSelectElement} */ (byId("lang"));
  const colours = /** @type {HTMLSelectElement} */ (byId("theme"));
  lang.value = recall("lang") ?? (navigator.language.startsWith("ja") ? "ja" : "en");
  colours.value = recall("theme") ?? "auto";
  const apply = () => {
    document.documentElement.dataset.theme = colours.value;
    speak(lang.value === "ja" ? "ja" : "en");
  };
  for (const select of [lang, colours]) {
    select.addEventListener("change", () => {
      remember(select.id, select.value);
      apply();
      onChange();
    });
  }
  system.addEventListener("change", onChange);
  apply();
}

/** @param {string} name */
function recall(name) {
  try {
    const value = localStorage.getItem(`sukashi-${name}`);
    const select = /** @type {HTMLSelectElement} */ (byId(name));
    return [...select.options].some((option) => option.value === value) ? value : null;
  } catch {
    // The browser keeps nothing for this page.
    return null;
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function remember(name, value) {
  try {
    localStorage.setItem(`sukashi-${name}`, value);
  } catch {
    // As above: the choice holds until the page is closed.
  }
}
