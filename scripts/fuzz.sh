#!/usr/bin/env bash
# Fuzzes everything that reads untrusted bytes (fuzz/src/lib.rs has the targets) with libFuzzer and
# AddressSanitizer.
#
#     scripts/fuzz.sh MINUTES [TARGET...]    fuzz each target (or only these) for that long, one target per core at a time
#     scripts/fuzz.sh 0                      replay the corpus only
#
# Needs a nightly toolchain and cargo-fuzz, which scripts/install_tools.sh installs. The build, and inputs
# that reach new code, are kept in the user's cache folder. One line per target shows the number of inputs,
# the covered branches and features, and whether an input crashed. That input is kept under fuzz/artifacts,
# and its reason is shown. SUKASHI_FUZZ_LOG=FILE appends the lines to a file.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

case "${1:-}" in
    "" | *[!0-9]*)
        echo "usage: scripts/fuzz.sh MINUTES [TARGET...]" >&2
        exit 2
        ;;
esac
minutes=$1
shift

cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sukashi/fuzz
# An input that takes more time or memory than this shows that a limit is missing.
seconds_per_input=10
megabytes=2048
max_bytes=65536

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "SKIP: fuzzing needs a nightly toolchain (rustup toolchain install nightly)" >&2
    exit 0
fi
PATH=$(scripts/install_tools.sh):$PATH
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "SKIP: fuzzing needs cargo-fuzz (cargo install cargo-fuzz)" >&2
    exit 0
fi

if [ $# -eq 0 ]; then
    mapfile -t targets < <(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' fuzz/Cargo.toml)
else
    targets=("$@")
fi

# seed TARGET FILE [TEXT]: makes an input from a test file, optionally with a second part after a zero byte.
seed() {
    local name
    [ "$(wc -c <"$2")" -le "$max_bytes" ] || return 0
    name=$cache/seeds/$1/$(cksum <<<"$2" | cut -d' ' -f1)
    if [ $# -eq 3 ]; then { cat "$2" && printf '\0%s' "$3"; } >"$name"; else cp "$2" "$name"; fi
}

seeds() {
    local file target
    rm -rf "$cache/seeds"
    for target in "${targets[@]}"; do mkdir -p "$cache/seeds/$target" "$cache/corpus/$target" "fuzz/corpus/$target"; done
    for target in safetensors config tokenizer chat gguf vocabulary model; do mkdir -p "$cache/seeds/$target"; done
    for file in $(git ls-files 'tests/*.safetensors'); do seed safetensors "$file"; done
    for file in $(git ls-files 'tests/*config.json'); do seed config "$file"; done
    for file in $(git ls-files 'tests/*tokenizer.json' 'tests/goldens/tokenizers/*.json'); do
        seed tokenizer "$file" $'a 猫\r\n<s> the  cat'
    done
    for file in $(git ls-files 'tests/*.jinja'); do seed chat "$file" '[{"role": "user", "content": "猫"}]'; done
    for file in $(git ls-files 'tests/*.gguf'); do
        for target in gguf vocabulary model; do seed $target "$file"; done
    done
}

# fuzz TARGET: runs a target and prints its line. Fails if an input crashed.
fuzz() {
    local target=$1 log=$cache/$1.log dictionary=fuzz/dictionaries/$1.dict options
    options=(-rss_limit_mb=$megabytes -malloc_limit_mb=$megabytes -timeout=$seconds_per_input -max_len=$max_bytes -print_final_stats=1
        "-artifact_prefix=fuzz/artifacts/$target/")
    [ "$minutes" -gt 0 ] && options+=("-max_total_time=$((minutes * 60))") || options+=(-runs=0)
    [ -f "$dictionary" ] && options+=("-dict=$dictionary")
    mkdir -p "fuzz/artifacts/$target"
    "$cache/target/$triple/release/$target" "${options[@]}" "$cache/corpus/$target" "fuzz/corpus/$target" "$cache/seeds/$target" \
        >"$log" 2>&1
    local status=$? runs covered result=ok
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(grep -aoE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -n 1)
    [ $status -eq 0 ] || result="CRASH, exit code $status: $(grep -aoE 'fuzz/artifacts/[^ ]*' "$log" | tail -n 1)"
    printf '%-12s %10s runs  %s  %s\n' "$target" "${runs:-?}" "${covered:-no coverage}" "$result" | tee -a "${SUKASHI_FUZZ_LOG:-/dev/null}"
    if [ $status -ne 0 ]; then
        grep -aE 'panicked|ERROR|SUMMARY|^==' "$log" | head -n 5 >&2
        return 1
    fi
}

triple=$(rustc -vV | sed -n 's/^host: //p')
echo "fuzz: building ${#targets[@]} targets" >&2
cargo +nightly fuzz build --target-dir "$cache/target" || exit 1
seeds
failed=0
running=0
for target in "${targets[@]}"; do
    fuzz "$target" &
    running=$((running + 1))
    if [ $running -ge "$(nproc)" ]; then
        wait -n || failed=$((failed + 1))
        running=$((running - 1))
    fi
done
while [ $running -gt 0 ]; do
    wait -n || failed=$((failed + 1))
    running=$((running - 1))
done
[ $failed -eq 0 ] || { echo "fuzz: $failed of ${#targets[@]} targets found a crash" >&2 && exit 1; }
echo "fuzz: ${#targets[@]} targets, no crash" >&2
