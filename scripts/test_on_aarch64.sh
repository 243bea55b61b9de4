#!/usr/bin/env bash
# Runs the model's goldens and the CPU kernels' tests on an emulated 64-bit ARM machine, to test NEON instead
# of AVX. Debian sid with its Rust is unpacked into a folder (2 GB). The tests are cross-compiled there and
# run with qemu-user. Only debootstrap is installed on this machine, if it is missing. Needs Debian and root,
# and takes about a quarter of an hour.
#
#     scripts/test_on_aarch64.sh FOLDER [TEST...]    FOLDER is reused; the default tests are model and cpu_threads
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:?a folder for the system}
shift
tests=("${@:-model}")
[ $# -gt 0 ] || tests=(model cpu_threads)

if [ ! -e "$folder/usr/bin/qemu-aarch64" ]; then
    command -v debootstrap >/dev/null || apt-get install -y debootstrap
    [ -e "$folder/usr/bin/dpkg" ] || debootstrap --variant=minbase --include=ca-certificates sid "$folder"
    # A mirror may be some weeks old.
    echo 'Acquire::Check-Valid-Until "false";' >"$folder/etc/apt/apt.conf.d/99sukashi"
    chroot "$folder" dpkg --add-architecture arm64
    chroot "$folder" apt-get update
    chroot "$folder" apt-get install -y --no-install-recommends \
        cargo rustc libstd-rust-dev:arm64 gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
fi

# Copy the sources and those of all dependencies, because the folder has no registry.
rm -rf "$folder/src/sukashi"
mkdir -p "$folder/src/sukashi/.cargo"
git ls-files -z | tar --create --null --files-from=- | tar --extract --directory "$folder/src/sukashi"
cargo vendor --locked "$folder/src/vendor" 2>/dev/null >"$folder/src/sukashi/.cargo/config.toml"
sed -i 's|^directory = .*|directory = "/src/vendor"|' "$folder/src/sukashi/.cargo/config.toml"

arguments=()
for test in "${tests[@]}"; do arguments+=(--test "$test"); done
chroot "$folder" env --chdir=/src/sukashi \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu" \
    CARGO_TARGET_DIR=/src/target CARGO_INCREMENTAL=0 \
    cargo test --offline --locked --no-default-features --features embedded-fonts,embedded-model --no-fail-fast \
    --target aarch64-unknown-linux-gnu "${arguments[@]}"
