// Runs every kernel on this browser against its twin, and writes a report to paste.

import { byId } from "./dom.js";

const words = {
  en: {
    about: "Every kernel computes many cases on this browser, and each result is compared with a slow reference. It takes a few minutes. Nothing is sent anywhere.",
    "device-label": "Device", "stride-label": "Part of the cases", start: "Start", stop: "Stop", "report-title": "Report",
    "report-help": "Paste it where the GPU of your computer is of interest. It has the names of the browser and of the adapter, and no more.",
    copy: "Copy the report", copied: "Copied.", back: "Back to the page", opening: "Opening …", done: "Done: {passed} passed, {failed} failed.",
    failed: "That did not work: {error}",
  },
  ja: {
    about: "すべてのカーネルをこのブラウザーで動かし、結果を低速な参照実装と比べます。数分かかります。結果はどこにも送られません。",
    "device-label": "デバイス", "stride-label": "検証するケース", start: "開始", stop: "停止", "report-title": "レポート",
    "report-help": "お使いのGPUでの結果を伝えたいところに貼り付けてください。含まれるのは、ブラウザーとアダプターの名前、そして結果だけです。",
    copy: "レポートをコピー", copied: "コピーしました。", back: "ページに戻る", opening: "準備しています…", done: "終了：成功 {passed}、失敗 {failed}",
    failed: "うまくいきませんでした：{error}",
  },
};
/** @typedef {keyof typeof words.en} Word */

const lang = /** @type {HTMLSelectElement} */ (byId("lang"));
lang.value = navigator.language.startsWith("ja") ? "ja" : "en";

/**
 * @param {Word} word
 * @param {Record<string, string | number>} [values]
 */
function say(word, values = {}) {
  return words[lang.value === "ja" ? "ja" : "en"][word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

function speak() {
  document.documentElement.lang = lang.value;
  for (const id of /** @type {Word[]} */ (["about", "device-label", "stride-label", "start", "stop", "report-title", "report-help", "copy", "back"])) {
    byId(id).textContent = say(id);
  }
}
lang.addEventListener("change", speak);
speak();

const report = /** @type {HTMLTextAreaElement} */ (byId("report"));
const progress = /** @type {HTMLProgressElement} */ (byId("progress"));

/** @param {string} line */
function write(line) {
  report.value += `${line}\n`;
  report.scrollTop = report.scrollHeight;
}

let isRunning = false;

async function verify() {
  byId("state").textContent = say("opening");
  const { default: init, Engine, Verifier } = await import("./pkg/sukashi.js");
  await init({ module_or_path: new URL("./pkg/sukashi_bg.wasm", import.meta.url) });
  const engine = await Engine.open(/** @type {HTMLSelectElement} */ (byId("device")).value);
  const stride = Number(/** @type {HTMLSelectElement} */ (byId("stride")).value);
  const { adapter, features } = engine.info;
  const verifier = new Verifier(engine);
  const kernels = verifier.kernels;
  const lacking = verifier.lacking;
  report.value = "";
  write("sukashi verify in a browser");
  write(`browser: ${navigator.userAgent}`);
  write(`adapter: ${adapter.name}, ${adapter.backend}, ${adapter.kind}; ${adapter.driver}`);
  write(`features: ${features.join(", ") || "none"}`);
  write(`cases: every ${stride}. one`);
  write("");
  progress.hidden = false;
  let [passed, failed] = [0, 0];
  for (const [index, kernel] of kernels.entries()) {
    if (!isRunning) {
      write(`stopped before ${kernel}`);
      break;
    }
    byId("state").textContent = `${index + 1}/${kernels.length} ${kernel}`;
    progress.value = index / kernels.length;
    try {
      const row = await verifier.kernel(kernel, stride);
      const worst = row.worstPercent === null ? "not a number" : `${row.worstPercent.toFixed(1)}% of the tolerance`;
      const known = row.expected === null ? "" : ` (known: ${row.expected})`;
      write(`${row.passed ? "ok  " : "FAIL"} ${kernel}: ${row.cases} cases, worst ${worst}${row.passed ? "" : ` at ${row.worstCase}`}${known}`);
      [passed, failed] = row.passed ? [passed + 1, failed] : [passed, failed + 1];
    } catch (error) {
      failed += 1;
      write(`FAIL ${kernel}: ${error instanceof Error ? error.message.replaceAll("\n", " ") : String(error)}`);
    }
    // The page shows the row.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  write("");
  write(`passed: ${passed}, failed: ${failed}, not run on this device: ${lacking.join(", ") || "none"}`);
  byId("state").textContent = say("done", { passed, failed });
  verifier.free();
  engine.free();
}

/** @param {boolean} next */
function setRunning(next) {
  isRunning = next;
  byId("start").toggleAttribute("disabled", next);
  byId("stop").toggleAttribute("disabled", !next);
  byId("copy").toggleAttribute("disabled", next);
  progress.hidden = !next;
}

byId("start").addEventListener("click", async () => {
  setRunning(true);
  byId("trouble").textContent = "";
  try {
    await verify();
  } catch (error) {
    byId("state").textContent = "";
    byId("trouble").textContent = say("failed", { error: error instanceof Error ? error.message : String(error) });
  } finally {
    setRunning(false);
  }
});
byId("stop").addEventListener("click", () => {
  isRunning = false;
});
byId("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(report.value);
    byId("copied").textContent = say("copied");
  } catch {
    report.select();
  }
});
