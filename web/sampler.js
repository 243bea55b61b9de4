// The sliders of the sampler.

import { byId, make, valueOf } from "./dom.js";
import { say } from "./words.js";

/** @typedef {import("./engine.js").Settings} Settings */
/** @typedef {{ name: Exclude<keyof Settings, "seed">, min: number, max: number, step: number, off: number, isNullOff: boolean }} Slider */

/** What each slider covers, and the value at which its setting has no effect. @type {Slider[]} */
const SLIDERS = [
  { name: "temperature", min: 0, max: 3, step: 0.05, off: 1, isNullOff: false },
  { name: "top_k", min: 0, max: 100, step: 1, off: 0, isNullOff: true },
  { name: "top_p", min: 0.02, max: 1, step: 0.02, off: 1, isNullOff: true },
  { name: "min_p", min: 0, max: 0.5, step: 0.01, off: 0, isNullOff: true },
  { name: "typical_p", min: 0.02, max: 1, step: 0.02, off: 1, isNullOff: true },
  { name: "repetition_penalty", min: 1, max: 2, step: 0.05, off: 1, isNullOff: false },
  { name: "frequency_penalty", min: 0, max: 2, step: 0.05, off: 0, isNullOff: false },
  { name: "presence_penalty", min: 0, max: 2, step: 0.05, off: 0, isNullOff: false },
];

/** The settings that have no effect. @returns {Settings} */
export function plain() {
  return {
    temperature: 1, top_k: null, top_p: null, min_p: null, typical_p: null,
    repetition_penalty: 1, frequency_penalty: 0, presence_penalty: 0, seed: 0,
  };
}

/** @param {Settings} settings */
export function cuts(settings) {
  return [settings.top_k, settings.top_p, settings.min_p, settings.typical_p].some((value) => value !== null);
}

export class Sampler {
  /** @type {Map<string, { slider: Slider, input: HTMLInputElement, output: HTMLOutputElement }>} */
  #rows = new Map();

  /** @param {() => void} onChange */
  constructor(onChange) {
    const rows = SLIDERS.map((slider) => {
      const id = `set-${slider.name}`;
      const input = /** @type {HTMLInputElement} */ (make("input", {
        type: "range", id, min: slider.min, max: slider.max, step: slider.step, value: slider.off,
        oninput: () => {
          this.#show(slider.name);
          onChange();
        },
      }));
      const output = /** @type {HTMLOutputElement} */ (make("output", { for: id }));
      this.#rows.set(slider.name, { slider, input, output });
      return make("div", { class: "slider" }, make("label", { htmlFor: id, "data-word": slider.name }, say(slider.name)), output, input);
    });
    byId("sliders").replaceChildren(...rows);
    byId("reset").addEventListener("click", () => {
      this.set(plain());
      onChange();
    });
    this.relabel();
  }

  /** @returns {Settings} */
  get() {
    const settings = plain();
    for (const { slider, input } of this.#rows.values()) {
      const value = Number(input.value);
      /** @type {any} */ (settings)[slider.name] = slider.isNullOff && value === slider.off ? null : value;
    }
    const seed = Number(valueOf("seed"));
    settings.seed = Number.isSafeInteger(seed) && seed >= 0 ? seed : 0;
    return settings;
  }

  /** @param {Partial<Settings>} settings */
  set(settings) {
    for (const { slider, input } of this.#rows.values()) {
      if (settings[slider.name] !== undefined) {
        input.value = String(settings[slider.name] ?? slider.off);
      }
      this.#show(slider.name);
    }
  }

  /** Writes the values in the page's language. */
  relabel() {
    [...this.#rows.keys()].forEach((name) => this.#show(name));
  }

  /** @param {string} name */
  #show(name) {
    const row = this.#rows.get(name);
    if (row === undefined) {
      return;
    }
    const { slider, input, output } = row;
    const value = Number(input.value);
    const digits = Number.isInteger(slider.step) ? 0 : 2;
    let shown = value.toFixed(digits);
    if (slider.isNullOff && value === slider.off) {
      shown = say("off");
    } else if (name === "temperature" && value === 0) {
      shown = say("greedy");
    }
    output.value = shown;
    output.classList.toggle("is-set", value !== slider.off);
    input.setAttribute("aria-valuetext", shown);
  }
}
