#!/usr/bin/env bash
# Checks licences, sources and known faults of dependencies, with cargo-deny and cargo-audit (scripts/install_tools.sh brings them).
#
# The known faults come from the database of RustSec, which is fetched; where it cannot be reached, that part prints SKIP.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

PATH=$(scripts/install_tools.sh):$PATH
if ! cargo deny --version >/dev/null 2>&1; then
    echo "SKIP: no cargo-deny here (cargo install cargo-deny)" >&2
    exit 0
fi
cargo deny --log-level error check licenses bans sources || exit 1
# In a copy of the index of its own, so that a machine without it is told from a fault in a dependency.
if cargo deny --log-level error fetch db 2>/dev/null; then
    cargo deny --log-level error check advisories || exit 1
    cargo audit || exit 1
else
    echo "SKIP: the database of known faults cannot be reached" >&2
fi
