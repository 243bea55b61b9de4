#!/usr/bin/env bash
# Checks the licences, sources and advisories of dependencies with cargo-deny and cargo-audit, which
# scripts/install_tools.sh installs.
#
# The advisories come from the RustSec database, which is downloaded. If it cannot be reached, this part
# prints SKIP.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

PATH=$(scripts/install_tools.sh):$PATH
if ! cargo deny --version >/dev/null 2>&1; then
    echo "SKIP: cargo-deny is not installed (cargo install cargo-deny)" >&2
    exit 0
fi
cargo deny --log-level error check licenses bans sources || exit 1
# Fetching first tells a missing network from an advisory.
if cargo deny --log-level error fetch db 2>/dev/null; then
    cargo deny --log-level error check advisories || exit 1
    cargo audit || exit 1
else
    echo "SKIP: the advisory database cannot be reached" >&2
fi
