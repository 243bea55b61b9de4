#!/usr/bin/env bash
# Checks the page in Chromium: with `sukashi serve` as its engine, and web/dist with the browser's own. The numbers on it are
# those of `sukashi next`, a click makes a branch, the sliders change the numbers, and nothing is asked of another host.
#
#     scripts/check_page.sh              build the program, then check the page
#     SUKASHI=target/release/sukashi …   check the page of this program
#     SUKASHI_PAGE_SHOTS=FOLDER …        also put pictures of the page there: both languages, light and dark, wide and 360 px
#
# It also checks the types of the page, which are comments, with TypeScript. That and playwright-core come from npm into the
# user's cache folder.
#
# Needs node, npm and Chromium (CHROMIUM names another one). What is missing prints SKIP; SUKASHI_REQUIRE_WEB=1 makes that a
# failure.
set -euo pipefail
cd "$(dirname "$0")/.."
playwright=1.65.1
typescript=5.9.3

skip() {
    echo "SKIP: $1" >&2
    [ "${SUKASHI_REQUIRE_WEB:-0}" != 1 ] || exit 1
    exit 0
}

[ $# -eq 0 ] || {
    echo "usage: scripts/check_page.sh" >&2
    exit 2
}
for tool in node npm; do
    command -v $tool >/dev/null || skip "$tool is missing"
done
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$chromium" ] || skip "there is no Chromium (apt-get install chromium)"
cache=${SUKASHI_WEB_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/sukashi/web}
modules=$cache/npm/node_modules
# package NAME VERSION: has npm put the package into the cache.
package() {
    if [ "$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$modules/$1/package.json" 2>/dev/null)" != "$2" ]; then
        npm install --silent --prefix "$cache/npm" --ignore-scripts --no-audit --no-fund "$1@$2" >&2 ||
            skip "$1 cannot be installed"
    fi
}
package playwright-core $playwright
package typescript $typescript

# Without the package there are no types of what the browser's engine calls.
scripts=(web/app.js)
[ ! -f web/pkg/sukashi.d.ts ] || scripts+=(web/engine_worker.js web/verify.js)
node "$modules/typescript/bin/tsc" --noEmit --allowJs --checkJs --strict --target esnext --module es2022 \
    --moduleResolution bundler --lib esnext,dom,dom.iterable,dom.asynciterable "${scripts[@]}"
echo "ok    the types of ${scripts[*]}"

if [ -z "${SUKASHI:-}" ]; then
    cargo build --locked --quiet --bin sukashi
    SUKASHI=${CARGO_TARGET_DIR:-target}/debug/sukashi
fi
if [ -f web/pkg/sukashi_bg.wasm ]; then
    # The limits are those of the whole build.
    scripts/make_web_dist.sh --quick >/dev/null
fi
exec node scripts/check_page.mjs "$modules/playwright-core/index.mjs" "$chromium" "$SUKASHI"
