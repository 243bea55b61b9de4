// What scripts/check_web.sh runs: serves web/pkg, opens it in Chromium, and compares.
//
//     node scripts/check_web.mjs PLAYWRIGHT CHROMIUM

import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [playwright, chromium] = process.argv.slice(2);
const stride = Number(process.env.SUKASHI_WEB_STRIDE ?? 8);
const engines = (process.env.SUKASHI_WEB_ENGINES ?? "webgpu cpu").split(" ");
const required = process.env.SUKASHI_REQUIRE_WEB === "1";

// Of |logit|, as in tests/model: f32 sums along six layers.
const tolerance = { atol: 1e-3, rtol: 1e-4 };
const flags = [
  "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--enable-unsafe-webgpu", "--enable-features=Vulkan",
  "--use-vulkan=native", "--ignore-gpu-blocklist",
];

// --- The server ---

const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };
const roots = { "/pkg/": "web/pkg", "/": "scripts/check_web" };

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  const prefix = Object.keys(roots).find((prefix) => url.pathname.startsWith(prefix));
  const name = url.pathname.slice(prefix.length) || "index.html";
  const file = path.join(roots[prefix], path.normalize(`/${name}`));
  try {
    const { size } = await stat(file);
    const headers = { "content-type": types[path.extname(file)] ?? "application/octet-stream", "cache-control": "no-store" };
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const bytes = await readFile(file);
    if (range) {
      const [first, last] = [Number(range[1]), Math.min(Number(range[2]), size - 1)];
      response.writeHead(206, { ...headers, "content-range": `bytes ${first}-${last}/${size}` });
      response.end(bytes.subarray(first, last + 1));
    } else {
      response.writeHead(200, headers);
      response.end(bytes);
    }
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}/`;

// --- The golden of PyTorch ---

async function readGolden() {
  const bytes = await readFile("tests/goldens/soseki-mini/golden.safetensors");
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const part = (name) => bytes.subarray(8 + length + header[name].data_offsets[0], 8 + length + header[name].data_offsets[1]);
  const integers = (name) => Array.from({ length: part(name).length / 8 }, (_, index) => Number(part(name).readBigInt64LE(8 * index)));
  const floats = (name) => Array.from({ length: part(name).length / 4 }, (_, index) => part(name).readFloatLE(4 * index));
  const vocabulary = header.logits.shape[1];
  return { ids: integers("input_ids"), logits: floats("logits").slice(-vocabulary), greedy: integers("greedy_ids") };
}
const golden = await readGolden();

// --- The checks ---

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

function compareCandidates(record) {
  let worst = 0;
  for (const { id, logit } of record.steps[0].candidates) {
    const want = golden.logits[id];
    worst = Math.max(worst, Math.abs(logit - want) / (tolerance.atol + tolerance.rtol * Math.abs(want)));
  }
  return worst;
}

async function checkEngine(context, name) {
  const page = await context.newPage();
  page.on("pageerror", (error) => check(false, `${name}: ${error.message}`));
  await page.goto(address);
  const started = await page.evaluate((name) => globalThis.start(name), name);
  if (started.missing) {
    skip(`${name}: ${started.missing}`);
    return page.close();
  }
  const { info, compiled, opened, loaded, firstToken } = started;
  console.log(`\n== ${name}: ${info.adapter.name}, ${info.adapter.backend}, ${info.adapter.kind}; features: ${info.features.join(", ") || "none"}`);
  console.log(`   ${info.adapter.driver}`);
  console.log(`   since the page was opened: module ${compiled} ms, engine ${opened} ms, model ${loaded} ms, first token ${firstToken} ms`);

  const run = await page.evaluate((golden) => globalThis.golden(golden), golden);
  const record = JSON.parse(run.record);
  const worst = compareCandidates(record);
  check(record.schema === "sukashi.trace/1" && worst <= 1, `the next token's logits: ${(100 * worst).toFixed(1)}% of the tolerance`);
  const best = golden.logits.reduce((best, logit, id) => (logit > golden.logits[best] ? id : best), 0);
  check(record.steps[0].candidates[0].id === best, "the most probable token");
  check(run.greedy.join() === golden.greedy.join(), `the greedy text of ${golden.greedy.length} tokens`);
  check(run.advanced.join() === golden.greedy.slice(1).join(), "the same text, chosen on the device");
  check(run.isSame, "the same record of weights that arrive in parts");
  check(run.svg.startsWith("<svg") && run.altText.length > 0, `a figure: ${run.svg.length} characters of SVG`);
  check(run.refused.kind === "Input", `bad input: ${run.refused.message.split("\n")[0]}`);
  console.log(`   ${run.speed.toFixed(1)} tokens/s with records, ${run.fastSpeed.toFixed(1)} without, medians of ${run.runs} runs`);
  console.log(`   WebAssembly's memory: ${(run.memory / 1e6).toFixed(1)} MB`);

  const begin = Date.now();
  const { kernels, lacking } = await page.evaluate(() => globalThis.kernels());
  let cases = 0;
  let highest = 0;
  const wrong = [];
  for (const kernel of kernels) {
    const row = await page.evaluate(([kernel, stride]) => globalThis.verify(kernel, stride), [kernel, stride]);
    cases += row.cases;
    highest = Math.max(highest, row.worstPercent ?? Infinity);
    if (!row.passed) {
      (row.expected === null ? wrong : []).push(row);
      console.log(`      ${row.kernel}: ${row.worstPercent ?? "not a number"}%: ${row.worstCase}${row.expected ? ` (known: ${row.expected})` : ""}`);
    }
  }
  const took = ((Date.now() - begin) / 1000).toFixed(0);
  check(wrong.length === 0, `${kernels.length} kernels, ${cases} cases (every ${stride}. one), worst ${highest.toFixed(0)}% of a tolerance, ${took} s`);
  if (lacking.length > 0) {
    console.log(`   not run here: ${lacking.join(", ")}`);
    // The browser's compiler refuses its shader, and says so later.
    const refusal = await page.evaluate((kernel) => globalThis.refusal(kernel), lacking[0]);
    check(refusal?.kind === "Device", `a refused shader is an error at the next read: ${refusal?.message.split("\n")[0]}`);
  }
  for (const row of await page.evaluate(() => globalThis.verifyModel())) {
    check(row.passed, `${row.kernel}: ${row.worstPercent?.toFixed(0) ?? "not a number"}% of a tolerance`);
  }
  await page.close();
}

const { chromium: launcher } = await import(pathToFileURL(path.resolve(playwright)));
const browser = await launcher.launch({ executablePath: chromium, args: flags, ignoreDefaultArgs: ["--disable-gpu"] });
try {
  console.log(`Chromium ${browser.version()}`);
  const context = await browser.newContext();
  for (const engine of engines) {
    await checkEngine(context, engine);
  }
  const page = await context.newPage();
  await page.goto(address);
  const info = await page.evaluate(() => globalThis.automatic());
  const isTold = info.adapter.backend === "webgpu" ? info.fallback === null : info.fallback !== null;
  check(isTold, `auto takes ${info.adapter.backend}${info.fallback ? `, and says why: ${info.fallback}` : ""}`);
} finally {
  await browser.close();
  server.close();
}
console.log(`\n${failures} failed, ${skips} skipped`);
process.exit(failures > 0 || (required && skips > 0) ? 1 : 0);
