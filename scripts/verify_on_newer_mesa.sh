#!/usr/bin/env bash
# Runs `sukashi verify` on the newest lavapipe of Debian sid, which has features that this system's may lack,
# such as cooperative matrices. Sid is unpacked into a folder (400 MB). Only debootstrap is installed on this
# machine, if it is missing. Needs Debian and root.
#
#     scripts/verify_on_newer_mesa.sh FOLDER [BINARY]    FOLDER is reused; BINARY is target/release/sukashi by default
set -euo pipefail

folder=${1:?a folder for the system}
binary=${2:-target/release/sukashi}

if [ ! -e "$folder/usr/bin/dpkg" ]; then
    command -v debootstrap >/dev/null || apt-get install -y debootstrap
    debootstrap --variant=minbase --include=ca-certificates,libvulkan1,mesa-vulkan-drivers sid "$folder"
fi
install -m 755 "$binary" "$folder/usr/local/bin/sukashi"
chroot "$folder" sukashi adapters
chroot "$folder" sukashi verify --device vulkan
