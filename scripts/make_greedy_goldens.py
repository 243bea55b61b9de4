#!/usr/bin/env python3
"""Writes tests/goldens/gemma-3-270m/greedy.json: llama.cpp's greedy continuations of some texts, 20 tokens each.

llama.cpp rounds activations to 8 bits before it multiplies them by quantised weights. So it runs twice: with the
original file, and with the same weights written as float32, where nothing is rounded. The tests compare sukashi with the
second run. The golden records where the first run starts to differ from it.

    pip install gguf
    npm install node-llama-cpp            # in any folder outside the repository
    python3 scripts/make_greedy_goldens.py --llama-cpp FOLDER gemma-3-270m-q4_k_m.gguf
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import gguf
import numpy

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "goldens" / "gemma-3-270m" / "greedy.json"
TOKENS = 20
PROMPTS = ["東京は日本の", "吾輩は猫である。名前は", "The capital of France is", "Once upon a time", "fn main() {"]

SCRIPT = """
import {getLlama} from "node-llama-cpp"; import fs from "fs";
const {file, prompts, tokens} = JSON.parse(fs.readFileSync("task.json"));
const llama = await getLlama({gpu: false, build: "never"});
const model = await llama.loadModel({modelPath: file});
const results = [];
for (const prompt of prompts) {
    const context = await model.createContext({contextSize: 128, threads: 1});
    const ids = [model.tokens.bos, ...model.tokenize(prompt)];
    const next_ids = [];
    for await (const id of context.getSequence().evaluate(ids, {temperature: 0})) {
        next_ids.push(id);
        if (next_ids.length >= tokens) break;
    }
    results.push({ids, next_ids, text: model.detokenize(next_ids)});
    await context.dispose();
}
fs.writeFileSync("result.json", JSON.stringify(results));
process.exit(0);
"""


def in_float32(source: Path, target: Path) -> None:
    """Writes the model with every weight dequantised to float32."""
    reader = gguf.GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value = 0 if field.name == "general.file_type" else field.contents()
        element = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, value, field.types[0], sub_type=element)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def continuations(llama_cpp: Path, file: Path, scratch: Path) -> list[dict]:
    task = {"file": str(file.resolve()), "prompts": PROMPTS, "tokens": TOKENS}
    (scratch / "task.json").write_text(json.dumps(task))
    (scratch / "greedy.mjs").write_text(SCRIPT)
    (scratch / "package.json").write_text('{"type": "module"}')
    modules = scratch / "node_modules"
    if not modules.exists():
        modules.symlink_to(llama_cpp.resolve() / "node_modules")
    subprocess.run(["node", "greedy.mjs"], cwd=scratch, check=True)
    return json.loads((scratch / "result.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--llama-cpp", type=Path, required=True, help="the folder with node_modules/node-llama-cpp")
    arguments = parser.parse_args()
    package = json.loads((arguments.llama_cpp / "node_modules/node-llama-cpp/package.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        exact = scratch / "float32.gguf"
        in_float32(arguments.file, exact)
        wants = continuations(arguments.llama_cpp, exact, scratch)
        original = continuations(arguments.llama_cpp, arguments.file, scratch)
    cases = []
    for prompt, want, rounded in zip(PROMPTS, wants, original):
        pairs = zip(want["next_ids"], rounded["next_ids"])
        same = next((at for at, (one, other) in enumerate(pairs) if one != other), TOKENS)
        cases.append({"prompt": prompt, **want, "same_with_rounded_activations": same})
    golden = {"reference": f"llama.cpp of node-llama-cpp {package['version']}, weights as float32", "prompts": cases}
    GOLDEN.write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
    print(f"{GOLDEN}: {len(cases)} prompts")


if __name__ == "__main__":
    main()
