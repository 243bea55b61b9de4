#!/usr/bin/env bash
# Checks `sukashi serve` with clients of others, from PyPI: openai, lm-eval and schemathesis.
#
#     scripts/check_clients.sh                      # with the debug build of this repository
#     SUKASHI_PROGRAM=FILE scripts/check_clients.sh # with another build
#
# The clients are installed in the user's cache folder, in the versions of scripts/clients.txt. If they cannot be
# installed, this prints SKIP, and adds a line to the file that SUKASHI_SKIPS names.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "SKIP: $1" >&2
    [ -z "${SUKASHI_SKIPS:-}" ] || echo "SKIP: check_clients: $1" >>"$SUKASHI_SKIPS"
    exit 0
}

program=${SUKASHI_PROGRAM:-}
if [ -z "$program" ]; then
    cargo build --locked --quiet --bin sukashi
    target=$(cargo metadata --locked --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
    program=$target/debug/sukashi
fi

command -v python3 >/dev/null || skip "python3 is not installed"
cache=${SUKASHI_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/sukashi-tests}
clients=$cache/clients-$(sha256sum scripts/clients.txt | cut -c1-12)
if [ ! -e "$clients/complete" ]; then
    rm -rf "$clients"
    mkdir -p "$cache"
    echo "check_clients: installing scripts/clients.txt" >&2
    python3 -m venv "$clients" || skip "python3 makes no virtual environment (Debian: python3-venv)"
    "$clients/bin/pip" install --quiet --disable-pip-version-check --no-compile -r scripts/clients.txt >&2 ||
        skip "the clients cannot be installed"
    touch "$clients/complete"
fi

work=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

"$program" serve --device cpu --port 0 --lang en --slots 4 --context 64 2>"$work/log" &
server=$!
for _ in $(seq 100); do
    address=$(sed -n 's/^listening on \(http[^ ]*\) .*/\1/p' "$work/log")
    [ -z "$address" ] || break
    sleep 0.1
done
if [ -z "$address" ]; then
    cat "$work/log" >&2
    exit 1
fi

# Nothing is fetched but from the server: the hub is not asked.
export HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 TRANSFORMERS_OFFLINE=1 HF_HOME=$work/hub TOKENIZERS_PARALLELISM=false
PATH=$clients/bin:$PATH "$clients/bin/python" scripts/check_clients.py "$address" "$program" "$work" ||
    { cat "$work/log" >&2 && exit 1; }
