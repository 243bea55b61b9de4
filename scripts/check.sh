#!/usr/bin/env bash
# Checks everything: format, lints, tests, documentation and examples. CI runs this script (.ci/run).
#
#     ./scripts/check.sh                 check
#     ./scripts/check.sh --no-install    check, but install nothing
#
# Without a Vulkan driver, it first installs a software adapter (scripts/install_software_adapter.sh). If it cannot,
# tests that need an adapter run on the CPU only, and SUKASHI_REQUIRE_GPU=1 makes this a failure. Every SKIP is counted
# and shown.
#
# Every step runs, even after a failure. A failing step prints the command that fixes it. The times and results of the
# steps go to stderr.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

install=yes
case "${1:-}" in
    "") ;;
    --no-install) install=no ;;
    *)
        echo "usage: scripts/check.sh [--no-install]" >&2
        exit 2
        ;;
esac

results=()
failed=0

# step NAME MEND COMMAND...: runs the command, and prints MEND if it fails.
step() {
    local name=$1 mend=$2 start=$SECONDS took
    shift 2
    echo "== $name" >&2
    if "$@"; then
        took=$((SECONDS - start))
        results+=("ok      ${took}s  $name")
        echo "== $name: ok, $took s" >&2
    else
        took=$((SECONDS - start))
        failed=$((failed + 1))
        results+=("FAILED  ${took}s  $name; $mend")
        echo "== $name: FAILED after $took s; $mend" >&2
    fi
}

# --- The tools of the machine ---

has_tools() {
    local missing=()
    command -v cargo >/dev/null || missing+=(cargo)
    cargo fmt --version >/dev/null 2>&1 || missing+=(rustfmt)
    cargo clippy --version >/dev/null 2>&1 || missing+=(clippy)
    [ ${#missing[@]} -eq 0 ] || { echo "missing: ${missing[*]}" >&2 && return 1; }
}

# Whether the Vulkan loader would find a driver. Metal and DirectX 12 are parts of their systems.
has_vulkan_driver() {
    [ "$(uname -s)" = Linux ] || return 0
    local folder
    [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] || return 0
    for folder in /usr/share /usr/local/share /etc "${XDG_DATA_HOME:-${HOME:-/root}/.local/share}"; do
        if compgen -G "$folder/vulkan/icd.d/*.json" >/dev/null; then
            return 0
        fi
    done
    return 1
}

has_adapter_and_validator() {
    if has_vulkan_driver && command -v spirv-val >/dev/null; then return 0; fi
    if [ "$install" = yes ]; then scripts/install_software_adapter.sh || return 1; fi
    has_vulkan_driver && command -v spirv-val >/dev/null
}

# --- The contents of the repository ---

# A private path exists on no other machine.
no_private_paths() {
    command -v git >/dev/null && git rev-parse --is-inside-work-tree >/dev/null 2>&1 || return 0
    ! git grep -InE '(^|[^[:alnum:]._~-])/(home|Users|root)/[[:alnum:]_.-]' -- ':!scripts/check.sh'
}

# --- The steps with cargo ---

lint() { cargo clippy --locked "$@" -- --deny warnings; }

tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --locked --no-fail-fast
    else
        cargo test --workspace --locked --no-fail-fast --lib --bins --examples --tests
    fi
}

docs() { RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --locked --no-deps --lib; }

# Each example has to succeed, and those that draw have to write a figure.
examples() {
    local out file name target
    out=$(mktemp -d) || return 1
    target=$(cargo metadata --locked --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
    # Built as the tests are, they are there already. `cargo run` takes other features, and compiles nearly everything again.
    cargo build --locked --quiet --workspace --examples || return 1
    # If the machine has an adapter, the examples run on it.
    if has_vulkan_driver; then local -x SUKASHI_DEVICE=${SUKASHI_DEVICE:-0}; fi
    for file in examples/*.rs; do
        name=$(basename "$file" .rs)
        echo "-- $name" >&2
        "$target/debug/examples/$name" "$out" || return 1
    done
    "$target/debug/examples/log_probs" "$out" || return 1
    for file in log-probs.svg log-probs.png next-token.svg next-token.png next-token.json temperature.svg temperature.png; do
        [ -s "$out/$file" ] || { echo "no example wrote $file" >&2 && return 1; }
    done
    rm -r "$out"
}

# The function makes bash read the whole file before the first step, since a step may change the file.
main() {
    # Each test that this machine cannot run adds a line to this file.
    SUKASHI_SKIPS=$(mktemp) || exit 1
    export SUKASHI_SKIPS
    trap 'rm -f "$SUKASHI_SKIPS"' EXIT

    step "tools" "run: rustup component add rustfmt clippy" has_tools
    step "adapter and spirv-val" "run: scripts/install_software_adapter.sh" has_adapter_and_validator
    step "no private paths" "replace the paths above by relative ones" no_private_paths
    step "dependencies" "see deny.toml; a dependency with a fault needs another version" scripts/check_dependencies.sh
    step "format" "run: cargo fmt --all" cargo fmt --all --check
    step "lints" "run: cargo clippy --fix --workspace --all-targets" lint --workspace --all-targets
    # The lint of a crate that embeds the library: without the command line and the development dependencies.
    local alone="cargo clippy --no-default-features --lib"
    step "lints of the library alone" "run: $alone" lint --no-default-features --lib
    step "lints of the figures alone" "run: $alone -p sukashi-figure" lint --no-default-features --lib -p sukashi-figure
    step "tests, shader validation among them" "see the failing test above; CONTRIBUTING.md says how to go on" tests
    step "documentation tests" "run: cargo test --workspace --doc" cargo test --workspace --locked --doc
    step "documentation" "run: cargo doc --workspace --no-deps, and mend its warnings" docs
    step "examples" "run the example above: cargo run --example NAME" examples

    echo >&2
    printf '%s\n' "${results[@]}" >&2
    echo "check: $(wc -l <"$SUKASHI_SKIPS") SKIPs, of tests or parts of them that this machine cannot run" >&2
    sort "$SUKASHI_SKIPS" | uniq -c >&2
    if [ "$failed" -gt 0 ]; then
        echo "check: $failed of ${#results[@]} steps FAILED" >&2
        exit 1
    fi
    echo "check: all ${#results[@]} steps passed in $SECONDS s" >&2
}

main
