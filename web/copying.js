// What the reader takes along: the figure's Markdown and command, and a link to the state of the page.

import { byId } from "./dom.js";
import { toCommand, toFragment } from "./link.js";
import { tell } from "./session.js";
import { say } from "./words.js";

/** The figures of the whole text. Others are about the place that is shown, or about the last run. */
const OF_TEXT = ["tokens", "attention", "lens"];

/**
 * The tokens, if they are not those of the letters of `text`.
 * @param {import("./engine.js").Engine} engine
 * @param {string} text
 * @param {number[]} ids
 */
async function unusual(engine, text, ids) {
  const usual = text === "" ? [] : await engine.tokenize(text);
  return usual.map(({ id }) => id).join() === ids.join() ? null : ids;
}

/**
 * The command that draws the figure.
 * @param {import("./session.js").Session} session
 * @param {import("./figures.js").Figures} figures
 */
async function command({ engine, tree, look, lastRun, sampler }, figures) {
  const { kind } = figures;
  const run = kind === "trace" ? lastRun : null;
  const record = run?.record ?? (OF_TEXT.includes(kind) ? null : look);
  const ids = record === null ? tree.here.ids() : record.prompt.tokens.map(({ id }) => id);
  const text = record?.prompt.text ?? (await engine.decode(ids));
  return toCommand({
    kind,
    text,
    ids: await unusual(engine, text, ids),
    settings: run?.settings ?? sampler.get(),
    count: run?.record.steps.length ?? null,
    model: engine.description.modelFlag,
    style: figures.style(),
  });
}

/**
 * A link that restores the state. The text stays in its fragment.
 * @param {import("./session.js").Session} session
 * @param {import("./figures.js").Figures} figures
 */
async function link({ engine, tree, sampler }, figures) {
  const ids = tree.here.ids();
  const text = ids.length === 0 ? "" : await engine.decode(ids);
  const count = Number(/** @type {HTMLInputElement} */ (byId("count")).value);
  const state = { text, ids: (await unusual(engine, text, ids)) ?? undefined, settings: sampler.get(), figure: figures.kind, count };
  return new URL(toFragment(state), location.href).href;
}

/**
 * Copies a text, or shows it where the browser does not let the page copy.
 * @param {string} copy
 */
async function give(copy) {
  const field = /** @type {HTMLTextAreaElement} */ (byId("copy-text"));
  field.value = copy;
  try {
    await navigator.clipboard.writeText(copy);
    field.hidden = true;
    byId("copied").textContent = say("copied");
  } catch {
    field.hidden = false;
    field.select();
    byId("copied").textContent = say("notCopied");
  }
}

/**
 * Lets the buttons copy.
 * @param {() => { session: import("./session.js").Session, figures: import("./figures.js").Figures } | null} now
 */
export function prepareCopying(now) {
  /** @type {[string, (session: import("./session.js").Session, figures: import("./figures.js").Figures) => Promise<string>][]} */
  const buttons = [["copy-command", command], ["copy-link", link], ["copy-markdown", async (_, figures) => figures.markdown() ?? ""]];
  for (const [id, make] of buttons) {
    byId(id).addEventListener("click", async () => {
      const parts = now();
      try {
        if (parts !== null) {
          await give(await make(parts.session, parts.figures));
        }
      } catch (error) {
        tell(error);
      }
    });
  }
}
