#!/usr/bin/env bash
# Runs `sukashi verify` on the newest lavapipe of Debian sid, which has what this system's may lack, such as cooperative matrices. Sid
# is unpacked into a folder (400 MB), and nothing is installed here but debootstrap, where that is missing. Debian, as root.
#
#     scripts/verify_on_newer_mesa.sh FOLDER [BINARY]    BINARY is target/release/sukashi unless given; FOLDER is kept for the next time
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
