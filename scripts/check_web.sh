#!/usr/bin/env bash
# Checks the library in Chromium: every kernel against its twin, and the golden of soseki-mini, on WebGPU (SwiftShader where
# there is no GPU) and on the CPU device in WebAssembly. Measures the time to the first token and the tokens per second.
#
#     scripts/check_web.sh               build the package, then check it
#     scripts/check_web.sh --built       check web/pkg as it is
#     SUKASHI_WEB_STRIDE=1 …             every case of every kernel instead of every eighth
#
# Needs node, npm and Chromium (CHROMIUM names another one). playwright-core comes from npm into the user's cache folder. What
# is missing prints SKIP; SUKASHI_REQUIRE_WEB=1 makes that a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
playwright=1.65.1

skip() {
    echo "SKIP: $1" >&2
    [ "${SUKASHI_REQUIRE_WEB:-0}" != 1 ] || exit 1
    exit 0
}

case "${1:-}" in
    "")
        status=0
        scripts/build_web.sh || status=$?
        [ $status -ne 3 ] || skip "the package for browsers cannot be built here"
        [ $status -eq 0 ] || exit $status
        ;;
    --built) [ -f web/pkg/sukashi_bg.wasm ] || skip "there is no web/pkg (scripts/build_web.sh)" ;;
    *)
        echo "usage: scripts/check_web.sh [--built]" >&2
        exit 2
        ;;
esac

for tool in node npm; do
    command -v $tool >/dev/null || skip "$tool is missing"
done
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$chromium" ] || skip "there is no Chromium (apt-get install chromium)"
cache=${SUKASHI_WEB_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/sukashi/web}
if [ "$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$cache/npm/node_modules/playwright-core/package.json" 2>/dev/null)" != "$playwright" ]; then
    npm install --silent --prefix "$cache/npm" --ignore-scripts --no-audit --no-fund "playwright-core@$playwright" >&2 ||
        skip "playwright-core cannot be installed"
fi
exec node scripts/check_web.mjs "$cache/npm/node_modules/playwright-core/index.mjs" "$chromium"
