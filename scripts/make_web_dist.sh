#!/usr/bin/env bash
# Makes web/dist of the page and web/pkg: a folder for any static host. Prints the sizes, and fails above the limits.
#
#     scripts/make_web_dist.sh           make it
#     scripts/make_web_dist.sh --quick   the same of a package that was built with --quick, whose code is larger
#
# scripts/build_web.sh runs it after it has made web/pkg.
set -euo pipefail
cd "$(dirname "$0")/.."

# Limits in bytes: the page itself, and all that a browser downloads but for the model and the fonts, with brotli.
max_page_brotli=40000
max_code_brotli=3000000

[ -f web/pkg/sukashi_bg.wasm ] || {
    echo "make_web_dist: there is no web/pkg: scripts/build_web.sh makes it" >&2
    exit 1
}
rm -rf web/dist
mkdir -p web/dist
for file in web/*; do
    case $file in
        # These are part of the package.
        web/README.md | web/sources.js | web/sources.d.ts) ;;
        *.html | *.css | *.js | *.svg) cp "$file" web/dist ;;
    esac
done
cp -r web/pkg web/dist/pkg

brotli_bytes() {
    node -e 'const z=require("node:zlib"),fs=require("node:fs");
        const size=(f)=>z.brotliCompressSync(fs.readFileSync(f),{params:{[z.constants.BROTLI_PARAM_QUALITY]:11}}).length;
        console.log(process.argv.slice(1).reduce((sum,f)=>sum+size(f),0))' "$@"
}
page=$(brotli_bytes web/dist/*.html web/dist/*.css web/dist/*.js web/dist/*.svg)
code=$((page + $(brotli_bytes web/dist/pkg/sukashi_bg.wasm web/dist/pkg/sukashi.js web/dist/pkg/sources.js)))
echo "web/dist: $(du -sk web/dist | cut -f1) KiB; the page: $page bytes with brotli, at most $max_page_brotli;" \
    "without model and fonts: $code, at most $max_code_brotli"
if [ "$page" -gt $max_page_brotli ] || { [ "${1:-}" != --quick ] && [ "$code" -gt $max_code_brotli ]; }; then
    echo "make_web_dist: too large" >&2
    exit 1
fi
