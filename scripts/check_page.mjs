// What scripts/check_page.sh runs: opens the page in Chromium and uses it as a reader does.
//
//     node scripts/check_page.mjs PLAYWRIGHT CHROMIUM SUKASHI

import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { fromFragment, shellWord, toCommand, toFragment, toMarkdown } from "../web/link.js";
import { Tree, visible } from "../web/tree.js";
import { serveDist, startServer } from "./check_page/servers.mjs";

const [playwright, chromium, sukashi] = process.argv.slice(2);
const required = process.env.SUKASHI_REQUIRE_WEB === "1";
const shots = process.env.SUKASHI_PAGE_SHOTS;
const text = "吾輩は";
// A busy machine may take this long for a step of a debug build.
const patience = { timeout: 180_000 };

let failures = 0;
let skips = 0;
const check = (holds, what) => {
  console.log(`${holds ? "ok   " : "FAIL "} ${what}`);
  failures += holds ? 0 : 1;
};
const skip = (what) => {
  console.log(`SKIP  ${what}`);
  skips += 1;
};

/** A page that counts what it asks of other hosts, and what goes wrong. */
async function open(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(patience.timeout);
  page.wrong = [];
  page.foreign = [];
  page.on("pageerror", (error) => page.wrong.push(error.message));
  page.on("console", (message) => {
    const isProbe = message.text().includes("404") && message.location().url.endsWith("/health");
    if (message.type() === "error" && !isProbe) {
      page.wrong.push(`${message.text()} (${message.location().url})`);
    }
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "blob:" && url.origin !== new URL(address).origin) {
      page.foreign.push(request.url());
    }
  });
  await page.goto(address);
  await settled(page, text);
  return page;
}

/** Waits until the candidates and the figure are those of a text. */
async function settled(page, written) {
  await page.waitForFunction((written) => {
    const at = document.querySelector("#candidates-at").textContent;
    const image = document.querySelector("#figure-image");
    return at.includes(written) && document.querySelectorAll("#candidate-rows tr").length > 3
      && /\d ms/.test(document.querySelector("#how-fast").textContent)
      && !image.hidden && image.complete && image.naturalWidth > 0 && !image.hasAttribute("aria-busy");
  }, written, patience);
}

const rows = (page) => page.$$eval("#candidate-rows tr[data-id]", (all) => all.map(({ dataset }) => ({
  id: Number(dataset.id), prob: Number(dataset.prob), final: Number(dataset.final),
})));
const set = (page, name, value) => page.$eval(`#set-${name}`, (input, value) => {
  input.value = String(value);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}, value);

/** What `sukashi next` says, with the numbers that the table has. */
function next(args) {
  const flags = ["next", text, "--format", "json", "--device", "cpu", "--top", "10", ...args];
  const record = JSON.parse(execFileSync(sukashi, flags, { encoding: "utf8", maxBuffer: 1 << 24 }));
  return record.steps[0].candidates.map(({ id, prob, prob_final: final }) => ({ id, prob, final }));
}

/** The largest difference of two tables, and whether they have the same tokens. */
function compare(found, expected) {
  const isSame = found.length === expected.length && found.every(({ id }, index) => id === expected[index].id);
  const difference = (name) => Math.max(...expected.map((row, index) => Math.abs(row[name] - (found[index]?.[name] ?? Number.NaN))));
  return { isSame, worst: Math.max(difference("prob"), difference("final")) };
}

/** Uses the page. `tolerance` is that of probabilities. */
async function use(page, engine, tolerance) {
  const plain = compare(await rows(page), next([]));
  check(plain.isSame && plain.worst <= tolerance, `${engine}: the candidates of sukashi next, worst difference ${plain.worst}`);

  await set(page, "temperature", 0.7);
  await set(page, "top_k", 5);
  await page.waitForFunction(() => document.querySelectorAll("#candidate-rows tr.is-cut").length === 5, null, patience);
  const cut = compare(await rows(page), next(["--temperature", "0.7", "--top-k", "5"]));
  check(cut.isSame && cut.worst <= tolerance, `${engine}: the sliders change them as the program's flags do, worst difference ${cut.worst}`);
  await page.click("#reset");
  await page.waitForFunction(() => document.querySelectorAll("#candidate-rows tr.is-cut").length === 0, null, patience);

  // A branch: another token instead of the last one.
  const chip = page.locator("#strip .chip").nth(2);
  await chip.click();
  await page.waitForSelector("#candidate-rows .is-standing");
  const other = page.locator("#candidate-rows tr[data-id]:not(.is-standing) .choose").first();
  const spelling = await other.textContent();
  await other.click();
  const branched = text.slice(0, 2) + spelling;
  await page.waitForFunction((branched) => document.querySelector("#text").value === branched, branched, patience);
  await page.waitForFunction(() => document.querySelectorAll("#branch-tree .visit").length === 3, null, patience);
  check(true, `${engine}: a click makes the branch ${branched}, and the tree has ${text} still`);
  await page.locator("#branch-tree .visit", { hasText: text.slice(2) }).first().click();
  await page.waitForFunction((text) => document.querySelector("#text").value === text, text, patience);
  await settled(page, text);
  check(true, `${engine}: a click on the branch goes back to it`);

  await page.fill("#count", "3");
  await page.press("#text", "Control+Enter");
  await page.waitForFunction(() => document.querySelectorAll("#strip .chip").length === 7
    && !document.querySelector("#run").disabled, null, patience);
  await page.click("#tab-trace");
  await page.waitForFunction(() => document.querySelector("#figure-image").alt.length > 0
    && !document.querySelector("#figure-image").hidden, null, patience);
  const written = await page.inputValue("#text");
  const expected = execFileSync(sukashi, ["generate", text, "-n", "3", "--seed", "0", "--device", "cpu"], { encoding: "utf8" });
  check(expected.trimEnd().endsWith(written.slice(text.length)), `${engine}: a run writes ${written}, as sukashi generate does`);

  await page.click("#tab-next-token");
  await page.click("#copy-link");
  await page.waitForFunction(() => document.querySelector("#copy-text").value.includes("#"), null, patience);
  const link = await page.inputValue("#copy-text");
  await page.goto(link);
  await page.reload();
  await page.waitForFunction((written) => document.querySelector("#text").value === written, written, patience);
  check(true, `${engine}: the link restores the text`);
  await settled(page, written);
}

async function checkLooks(browser, address, engine) {
  for (const locale of ["en-US", "ja-JP"]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1280, 360]) {
        const page = await open(browser, address, { locale, colorScheme, viewport: { width, height: 800 } });
        const name = `${engine}-${locale.slice(0, 2)}-${colorScheme}-${width}`;
        const found = await page.evaluate(() => ({
          lang: document.documentElement.lang,
          overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
          unnamed: [...document.querySelectorAll("img:not([hidden]):not([alt]), img[alt='']:not([hidden])")].length,
          empty: [...document.querySelectorAll("[data-word]")].filter((element) => element.textContent === "").length,
        }));
        const isWell = found.lang === locale.slice(0, 2) && found.overflow <= 0 && found.unnamed === 0 && found.empty === 0;
        check(isWell, `${name}: ${JSON.stringify(found)}`);
        if (shots) {
          await mkdir(shots, { recursive: true });
          await page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
        }
        await page.context().close();
      }
    }
  }
}

/** What needs no browser: links, commands, and the tree of texts. */
function checkParts() {
  const settings = {
    temperature: 0, top_k: 5, top_p: null, min_p: 0.05, typical_p: null, repetition_penalty: 1, frequency_penalty: 0,
    presence_penalty: 0, seed: 7,
  };
  const state = { text: "a b&c#d\n猫'", settings, figure: "lens", count: 3 };
  const { text: back, settings: read, figure, count } = fromFragment(toFragment(state));
  const isRead = Object.entries({ temperature: 0, top_k: 5, min_p: 0.05, seed: 7 }).every(([name, value]) => read[name] === value);
  check(back === state.text && isRead && figure === "lens" && count === 3, "a link keeps the state");
  check(fromFragment("#text=%E0%A4&top-k=x&ids=1,b").settings.top_k === undefined, "a wrong link does no harm");
  check(execFileSync("sh", ["-c", `printf %s ${shellWord("it's $HOME `x`\n")}x`], { encoding: "utf8" }) === "it's $HOME `x`\nx", "a shell reads a text as it is");
  const style = { theme: "light", lang: "en", options: { temperatures: [0.5, 1] } };
  const command = toCommand({ kind: "trace", text: "-a", ids: null, settings, count: 4, model: null, style });
  check(command === "sukashi figure trace --temperature 0 --top-k 5 --min-p 0.05 --seed 7 --max-new-tokens 4 --temperatures 0.5,1 --theme light --lang en -o trace.svg -- -a",
    `a command has the settings: ${command}`);
  check(toMarkdown("a [b]\nc", "f.svg") === "![a \\[b\\] c](f.svg)", "Markdown is escaped");
  const tree = new Tree();
  const token = (id) => ({ id, text: String(id), bytes: null });
  tree.enter([1, 2, 3].map(token));
  tree.enter([1, 2, 4].map(token));
  check(tree.branches().length === 1 && tree.branches()[0].branches.length === 0, "what was only typed leaves no branch");
  tree.choose(tree.here.parent, token(5), null);
  check(tree.branches()[0].branches.map(({ last }) => last.token.id).join() === "4,5", "what was chosen makes one");
  tree.forget(tree.here);
  check(tree.here.token.id === 2 && visible({ id: 1, text: " \n", bytes: null }) === "␣↵", "a branch is forgotten");
}

checkParts();
const { chromium: launcher } = await import(pathToFileURL(path.resolve(playwright)));
const browser = await launcher.launch({
  executablePath: chromium,
  args: ["--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const stops = [];
try {
  const server = await startServer(sukashi);
  stops.push(server.stop);
  const page = await open(browser, server.address);
  await use(page, "server", 0);
  check(page.foreign.length === 0, `server: nothing is asked of another host ${page.foreign.join(" ")}`);
  check(page.wrong.length === 0, `server: no error ${page.wrong.join("; ")}`);
  await page.context().close();
  await checkLooks(browser, server.address, "server");

  const dist = await serveDist();
  if (dist === null) {
    skip("the browser's engine: there is no web/dist (scripts/build_web.sh)");
  } else {
    stops.push(dist.stop);
    // The CPU device: what WebGPU computes, scripts/check_web.sh checks.
    const own = await open(browser, `${dist.address}?device=cpu`);
    // WebAssembly sums in the order of another SIMD width.
    await use(own, "browser", 1e-6);
    await own.context().setOffline(true);
    await own.click("#step");
    await own.waitForFunction(() => !document.querySelector("#run").disabled
      && document.querySelectorAll("#strip .chip").length === 8, null, patience);
    check(true, "browser: it goes on without a network");
    check(own.foreign.length === 0, `browser: nothing is asked of another host ${own.foreign.join(" ")}`);
    check(own.wrong.length === 0, `browser: no error ${own.wrong.join("; ")}`);
  }
} catch (error) {
  check(false, error.stack ?? String(error));
} finally {
  await browser.close();
  await Promise.all(stops.map((stop) => stop()));
}
console.log(`\n${failures} failed, ${skips} skipped`);
process.exit(failures > 0 || (required && skips > 0) ? 1 : 0);
