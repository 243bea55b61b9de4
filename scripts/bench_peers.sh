#!/usr/bin/env bash
# Benchmarks sukashi, llama.cpp and candle in turn on the same file and the same numbers of tokens. Prints a
# table with ratios.
#
#     scripts/bench_peers.sh MODEL.gguf [--prompt-tokens 128] [--new-tokens 64] [--runs 5] [--device vulkan] [--vulkan] [--candle]
#
# llama.cpp's binaries come from the npm package node-llama-cpp, which is installed into a cache folder (needs
# node and npm). Its CPU backend runs with one thread per core. With --vulkan, its Vulkan backend is measured
# too. Without another GPU, that is a software adapter, which takes minutes to compile the shaders. With
# --candle, candle's CPU path is built, which takes some minutes, and measured too. sukashi runs on the CPU
# and on the adapter that --device names.
#
# A machine's speed varies over time. So the programs take turns, and medians are compared.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 1 ] && [ -f "$1" ] || {
    echo "usage: scripts/bench_peers.sh MODEL.gguf [--prompt-tokens N] [--new-tokens N] [--runs N] [--device NAME] [--vulkan] [--candle]" >&2
    exit 2
}
for tool in cargo node npm; do
    command -v "$tool" >/dev/null || {
        echo "bench_peers: $tool is missing" >&2
        exit 1
    }
done

folder=${SUKASHI_BENCH_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/sukashi-bench}
mkdir -p "$folder"
if [ ! -d "$folder/node_modules/node-llama-cpp" ]; then
    echo "bench_peers: installing llama.cpp's binaries" >&2
    npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund node-llama-cpp >&2
fi
echo '{"type": "module"}' >"$folder/package.json.new"
[ -f "$folder/package.json" ] || mv "$folder/package.json.new" "$folder/package.json"
rm -f "$folder/package.json.new"

cargo build --locked --release >&2
target=$(cargo metadata --locked --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
for argument in "$@"; do
    if [ "$argument" = --candle ]; then
        cargo build --locked --release --manifest-path scripts/bench_candle/Cargo.toml --target-dir "$folder/candle" >&2
        export BENCH_CANDLE=$folder/candle/release/bench-candle
        BENCH_CANDLE_VERSION=$(sed -n 's/^candle-core = "=\(.*\)"/\1/p' scripts/bench_candle/Cargo.toml)
        export BENCH_CANDLE_VERSION
    fi
done
cp scripts/bench_peers.mjs "$folder/bench_peers.mjs"
exec env GGML_VK_VISIBLE_DEVICES="${GGML_VK_VISIBLE_DEVICES:-0}" \
    node "$folder/bench_peers.mjs" "$target/release/sukashi" "$(realpath "$1")" "${@:2}"
