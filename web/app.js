// The page begins here: it takes an engine, and connects the parts.

import { prepareChoices, theme } from "./choices.js";
import { prepareCopying } from "./copying.js";
import { byId, make } from "./dom.js";
import { openEngine } from "./engine.js";
import { Figures } from "./figures.js";
import { fromFragment } from "./link.js";
import { plain } from "./sampler.js";
import { Session, tell, words } from "./session.js";
import { say } from "./words.js";

/** The text that a visit begins with. */
const FIRST_TEXT = "吾輩は";
/** The time after the last key until a text is read, in milliseconds. */
const TYPING_PAUSE = 250;

/** @type {{ session: Session, figures: Figures } | null} */
let parts = null;

const text = /** @type {HTMLTextAreaElement} */ (byId("text"));
const count = /** @type {HTMLInputElement} */ (byId("count"));
const seed = /** @type {HTMLInputElement} */ (byId("seed"));

/** Draws and describes what there is now. */
function show() {
  if (parts === null) {
    return;
  }
  const { session, figures } = parts;
  const { engine, tree, marked, look, lastRun, sampler } = session;
  figures.show({ look, run: lastRun, ids: tree.here.ids(), query: marked === null ? null : marked.depth - 1, settings: sampler.get() });
  byId("copy-command").toggleAttribute("disabled", tree.here === tree.root);
  byId("copy-link").toggleAttribute("disabled", tree.here === tree.root);
  const { kind, model, adapter, fallback } = engine.description;
  const told = [say("on", {
    engine: say(kind === "server" ? "engineServer" : "engineBrowser"), model,
    adapter: adapter.backend === "cpu" ? adapter.name : `${adapter.name}, ${adapter.backend}`,
  })];
  told.push(...(session.speed > 0 ? [say("speed", { speed: session.speed.toFixed(session.speed < 10 ? 1 : 0) })] : []));
  told.push(...(fallback === null ? [] : [say(fallback === "none" ? "noAdapter" : "softwareAdapter")]));
  byId("engine").replaceChildren(...told.map((part) => make("span", {}, part)));
  byId("privacy").textContent = say(kind === "server" ? "privateServer" : "private");
}

/** Restores the state of the page's address. */
async function restore() {
  if (parts === null) {
    return;
  }
  const state = fromFragment(location.hash);
  parts.session.sampler.set({ ...plain(), ...state.settings });
  seed.value = String(state.settings.seed ?? 0);
  count.value = String(state.count ?? count.value);
  parts.figures.pick(state.figure ?? "next-token");
  await parts.session.begin(state.text ?? FIRST_TEXT, state.ids);
}

/** Asks the reader for the server's key. @param {boolean} isWrong */
function askKey(isWrong) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("key-dialog"));
  const field = /** @type {HTMLInputElement} */ (byId("key"));
  byId("key-wrong").textContent = isWrong ? say("keyWrong") : "";
  field.value = "";
  dialog.showModal();
  return /** @type {Promise<string>} */ (new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(field.value), { once: true });
  }));
}

/** Lets the reader open a model of their own. @param {import("./engine.js").Engine} engine */
function prepareFiles(engine) {
  const field = /** @type {HTMLInputElement} */ (byId("model-files"));
  byId("own-model").hidden = engine.open === undefined;
  field.addEventListener("change", async () => {
    try {
      await engine.open?.([...(field.files ?? [])], (part) => {
        byId("engine").textContent = say("loadingPart", { percent: Math.round(100 * part) });
      });
      parts = { session: /** @type {any} */ (parts).session, figures: new Figures(engine, theme) };
      await restore();
    } catch (error) {
      tell(error);
      show();
    }
  });
}

prepareChoices(() => {
  if (parts !== null) {
    parts.session.sampler.relabel();
    parts.session.showTokens();
    parts.session.refresh("setting");
    show();
  }
});
prepareCopying(() => parts);

let pause = 0;
text.addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(() => parts?.session.enter(text.value), TYPING_PAUSE);
});
byId("step").addEventListener("click", () => parts?.session.run(1));
byId("run").addEventListener("click", () => parts?.session.run(Math.max(1, Math.floor(Number(count.value)) || 1)));
byId("stop").addEventListener("click", () => parts?.session.stop());
seed.addEventListener("change", () => parts?.session.refresh("setting"));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    parts?.session.stop();
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    byId("run").click();
  }
});
addEventListener("hashchange", restore);
let [width, resized] = [innerWidth, 0];
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => {
    // A phone's keyboard changes the height alone.
    if (innerWidth !== width) {
      width = innerWidth;
      show();
    }
  }, TYPING_PAUSE);
});

byId("engine").textContent = say("opening");
try {
  const engine = await openEngine(askKey, (word, part) => {
    byId("engine").textContent = part === undefined ? say(/** @type {any} */ (word)) : say("loadingPart", { percent: Math.round(100 * part) });
  });
  parts = { session: new Session(engine, show), figures: new Figures(engine, theme) };
  for (const name of ["step", "run", "text"]) {
    byId(name).removeAttribute("disabled");
  }
  byId("verify-link").hidden = engine.description.kind !== "browser";
  byId("api-link").hidden = engine.description.kind !== "server";
  prepareFiles(engine);
  await restore();
} catch (error) {
  byId("engine").textContent = "";
  byId("trouble").textContent = say("failed", { error: words(error) });
}
