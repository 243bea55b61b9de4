#!/usr/bin/env bash
# Builds the library for browsers into web/pkg: an npm package with the module, its JavaScript and TypeScript types, the
# faces of figures, and the model soseki-mini beside it. Prints the sizes, and fails above the limits.
#
#     scripts/build_web.sh           build
#     scripts/build_web.sh --quick   leave out wasm-opt: larger, a minute sooner, for trying things out
#
# Rust's target wasm32-unknown-unknown comes from rustup (`rustup target add wasm32-unknown-unknown`). Where rustup does not
# have it, Debian's compiler builds the standard library, too (`apt-get install rustc-web rust-web-src cargo-web`): a quarter
# of an hour the first time. What was built is kept in the user's cache folder. wasm-opt is npm's binaryen, installed there;
# without npm, the module stays larger, and the script says so.
#
# Exit code 3 says that a tool is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

# Limits in bytes: the code alone as a browser downloads it, and all that the embedded model needs.
max_code_brotli=2600000
max_all_brotli=11500000
binaryen=132.0.0

quick=no
case "${1:-}" in
    "") ;;
    --quick) quick=yes ;;
    *)
        echo "usage: scripts/build_web.sh [--quick]" >&2
        exit 2
        ;;
esac

missing() {
    echo "build_web: $1" >&2
    exit 3
}

command -v cargo >/dev/null || missing "cargo is missing"
cache=${SUKASHI_WEB_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/sukashi/web}
mkdir -p "$cache"
target=${CARGO_TARGET_DIR:-$cache/target}

# --- The module ---

# simd128 is in all browsers since 2023. Without it, the CPU device computes four times as long.
flags='-C target-feature=+simd128'
build=(build --locked --profile web --package sukashi-web --target wasm32-unknown-unknown)
sysroot=$(rustc --print sysroot)
if [ -d "$sysroot/lib/rustlib/wasm32-unknown-unknown/lib" ]; then
    CARGO_TARGET_DIR=$target CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$flags cargo "${build[@]}" >&2
else
    source_of_std=/usr/lib/rustlib/src/rust/library/std
    if [ ! -x /usr/bin/rustc ] || [ ! -e "$source_of_std" ]; then
        missing "there is no target for browsers: rustup target add wasm32-unknown-unknown (or, on Debian: apt-get install rustc-web rust-web-src cargo-web)"
    fi
    cargo=/usr/bin/cargo
    [ -x "$cargo" ] || cargo=cargo
    linker=$(find "$sysroot/lib/rustlib" -name rust-lld -path '*/bin/*' 2>/dev/null | head -n 1)
    linker=${linker:-$(command -v wasm-ld || command -v lld || true)}
    [ -n "$linker" ] || missing "there is no linker for WebAssembly: apt-get install lld"
    # Building the standard library is still a feature of nightly compilers.
    CARGO_TARGET_DIR=$target RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc \
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$flags \
        "$cargo" "${build[@]}" -Zbuild-std=std,panic_abort >&2
fi
module=$target/wasm32-unknown-unknown/web/sukashi_web.wasm

# --- Its JavaScript ---

version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)
if ! grep -q "wasm-bindgen-cli-support = \"=$version\"" scripts/bind_wasm/Cargo.toml; then
    echo "build_web: Cargo.lock has wasm-bindgen $version, scripts/bind_wasm/Cargo.toml another version" >&2
    exit 1
fi
env -u CARGO_TARGET_DIR cargo build --locked --quiet --release --manifest-path scripts/bind_wasm/Cargo.toml \
    --target-dir "$cache/bind" >&2
new=$(mktemp -d "$cache/pkg.XXXXXX")
trap 'rm -rf "$new"' EXIT
"$cache/bind/release/bind-wasm" "$module" "$new" sukashi
rm -f "$new/sukashi_bg.wasm.d.ts"

# --- Smaller code ---

if [ "$quick" = yes ]; then
    echo "build_web: without wasm-opt" >&2
elif command -v npm >/dev/null && command -v node >/dev/null; then
    if [ "$(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$cache/npm/node_modules/binaryen/package.json" 2>/dev/null)" != "$binaryen" ]; then
        npm install --silent --prefix "$cache/npm" --ignore-scripts --no-audit --no-fund "binaryen@$binaryen" >&2
    fi
    # -O3 and not -Oz: the CPU device computes for seconds. What LLVM may use has to be said.
    node "$cache/npm/node_modules/binaryen/bin/wasm-opt" -O3 --enable-simd --enable-bulk-memory --enable-sign-ext \
        --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-multivalue \
        "$new/sukashi_bg.wasm" -o "$new/optimised.wasm"
    mv "$new/optimised.wasm" "$new/sukashi_bg.wasm"
else
    echo "build_web: npm is missing, so the module is not optimised for size" >&2
fi

# --- The package ---

cp web/sources.js web/sources.d.ts web/README.md "$new"
mkdir -p "$new/soseki-mini" "$new/fonts"
cp assets/soseki-mini/{config.json,tokenizer.json,model.safetensors,README.md} "$new/soseki-mini"
cp crates/sukashi-figure/assets/fonts/{SukashiGothic-Regular.ttf,SukashiGothic-Bold.ttf,OFL.txt} "$new/fonts"
cp LICENSE-MIT LICENSE-APACHE "$new"
own=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
cat >"$new/package.json" <<JSON
{
  "name": "sukashi",
  "version": "$own",
  "description": "An LLM runtime that you can see through, in the browser: WebGPU or WebAssembly, and figures of every number.",
  "license": "(MIT OR Apache-2.0) AND OFL-1.1",
  "type": "module",
  "main": "sukashi.js",
  "types": "sukashi.d.ts",
  "exports": {
    ".": { "types": "./sukashi.d.ts", "default": "./sukashi.js" },
    "./sources.js": { "types": "./sources.d.ts", "default": "./sources.js" },
    "./*": "./*"
  },
  "sideEffects": ["./sukashi.js"]
}
JSON
rm -rf web/pkg
mkdir -p web/pkg
cp -r "$new/." web/pkg

# --- Sizes ---

# size FILE COMMAND...: the bytes that the command makes of the file, or nothing without the command.
size() {
    local file=$1
    shift
    if command -v "$1" >/dev/null; then "$@" <"$file" | wc -c; fi
}
brotli_bytes() {
    node -e 'const z=require("node:zlib"),f=require("node:fs").readFileSync(process.argv[1]);
        console.log(z.brotliCompressSync(f,{params:{[z.constants.BROTLI_PARAM_QUALITY]:11,[z.constants.BROTLI_PARAM_LGWIN]:22}}).length)' "$1"
}
command -v node >/dev/null || missing "node is missing, which measures the sizes"
total=0
code=0
printf '%-36s %10s %10s %10s\n' file raw gzip brotli
for file in sukashi_bg.wasm sukashi.js sources.js soseki-mini/model.safetensors soseki-mini/tokenizer.json \
    fonts/SukashiGothic-Regular.ttf fonts/SukashiGothic-Bold.ttf; do
    raw=$(wc -c <"web/pkg/$file")
    small=$(brotli_bytes "web/pkg/$file")
    printf '%-36s %10d %10d %10d\n' "$file" "$raw" "$(size "web/pkg/$file" gzip -9)" "$small"
    total=$((total + small))
    case $file in *.wasm | *.js) code=$((code + small)) ;; esac
done
echo "code: $code bytes with brotli, at most $max_code_brotli; all: $total, at most $max_all_brotli"
if [ "$quick" = no ] && { [ "$code" -gt $max_code_brotli ] || [ "$total" -gt $max_all_brotli ]; }; then
    echo "build_web: too large" >&2
    exit 1
fi
