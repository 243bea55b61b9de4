// The benchmark of scripts/bench_peers.sh. Runs sukashi, llama.cpp and candle in turn, and prints a Markdown table.
import {execFileSync} from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import {performance} from "node:perf_hooks";
import {parseArgs} from "node:util";
import {getLlama} from "node-llama-cpp";

const {values, positionals: [sukashi, file]} = parseArgs({
    allowPositionals: true,
    options: {
        "prompt-tokens": {type: "string", default: "128"},
        "new-tokens": {type: "string", default: "64"},
        runs: {type: "string", default: "5"},
        // Of sukashi beside the CPU, as its --device takes it: `auto` takes no software adapter.
        device: {type: "string", default: "vulkan"},
        vulkan: {type: "boolean", default: false},
        candle: {type: "boolean", default: false},
    },
});
const count = (name) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1) {
        console.error(`bench_peers: --${name} is ${values[name]}, expected 1 or more`);
        process.exit(2);
    }
    return value;
};
const [promptTokens, newTokens, runs] = ["prompt-tokens", "new-tokens", "runs"].map(count);
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** A program to measure. `run` returns `{first, prefill, decode}`, in ms and tokens per second. */
function ofSukashi(device) {
    let about = null;
    return {
        name: () => `sukashi ${about.version}, ${device}: ${about.adapter.name} ${about.adapter.driver}`,
        async run() {
            const output = execFileSync(sukashi, [
                "bench", "--model", file, "--device", device, "--format", "json", "--runs", "1",
                "--prompt-tokens", promptTokens, "--new-tokens", newTokens,
            ].map(String), {stdio: ["ignore", "pipe", "ignore"]});
            about = JSON.parse(output);
            return {
                first: about.load_ms + about.compile_ms + about.first_token_ms.median,
                prefill: about.prefill_tokens_per_second.median,
                decode: about.decode_tokens_per_second.median,
            };
        },
    };
}

async function ofLlamaCpp(gpu) {
    const llama = await getLlama({gpu, build: "never", maxThreads: os.cpus().length});
    const {version} = JSON.parse(fs.readFileSync(new URL("./node_modules/node-llama-cpp/package.json", import.meta.url)));
    return {
        name: () => `llama.cpp ${llama.llamaCppRelease?.release ?? ""} (node-llama-cpp ${version}), ${gpu || "CPU"}`,
        async run() {
            const start = performance.now();
            const model = await llama.loadModel({modelPath: file});
            const context = await model.createContext({contextSize: promptTokens + newTokens + 8, threads: os.cpus().length});
            const sequence = context.getSequence();
            // The time does not depend on which tokens these are.
            const ids = Array.from({length: promptTokens}, (_, index) => 5 + (index * index * 311 + 17 * index) % 10000);
            const beforePrompt = performance.now();
            let times = [];
            for await (const _ of sequence.evaluate(ids, {temperature: 0, yieldEogToken: true})) {
                times.push(performance.now());
                if (times.length > newTokens) break;
            }
            const [first, last] = [times[0], times.at(-1)];
            await context.dispose();
            await model.dispose();
            return {
                first: first - start,
                prefill: 1e3 * promptTokens / (first - beforePrompt),
                decode: 1e3 * (times.length - 1) / (last - first),
            };
        },
    };
}

/** Environment variables name the binary of scripts/bench_candle and candle's version. */
function ofCandle() {
    return {
        name: () => `candle ${process.env.BENCH_CANDLE_VERSION}, CPU`,
        async run() {
            const output = execFileSync(process.env.BENCH_CANDLE, [file, promptTokens, newTokens].map(String), {
                env: {...process.env, RAYON_NUM_THREADS: String(os.cpus().length)},
            });
            return JSON.parse(output);
        },
    };
}

const programs = [ofSukashi("cpu"), await ofLlamaCpp(false), ofSukashi(values.device)];
if (values.vulkan) programs.push(await ofLlamaCpp("vulkan"));
if (values.candle) programs.push(ofCandle());
const results = programs.map(() => []);
for (let run = 0; run < runs; run++) {
    for (const [index, program] of programs.entries()) {
        results[index].push(await program.run());
        console.error(`run ${run + 1} of ${runs}: ${program.name()}: ${results[index].at(-1).decode.toFixed(1)} tokens/s`);
    }
}

const medians = results.map((all) => Object.fromEntries(
    ["first", "prefill", "decode"].map((what) => [what, median(all.map((result) => result[what]))]),
));
// The llama.cpp backend that each program is compared with.
const peer = [1, null, values.vulkan ? 3 : null, ...(values.vulkan ? [null] : []), ...(values.candle ? [1] : [])];
console.log(`${new Date().toISOString().slice(0, 10)}, ${os.cpus().length} × ${os.cpus()[0].model.trim()}, ${os.type()} ${os.release()}; `
    + `${file.split("/").at(-1)}, prompt of ${promptTokens}, ${newTokens} tokens decoded, medians of ${runs} runs in turn\n`);
console.log("| program | load to first token, ms | prefill, tokens/s | decode, tokens/s | decode against llama.cpp |");
console.log("|---|---|---|---|---|");
for (const [index, program] of programs.entries()) {
    const {first, prefill, decode} = medians[index];
    const ratio = peer[index] === null ? "" : `${(decode / medians[peer[index]].decode).toFixed(2)}×`;
    console.log(`| ${program.name()} | ${first.toFixed(0)} | ${prefill.toFixed(1)} | ${decode.toFixed(1)} | ${ratio} |`);
}
process.exit(0);
