#!/usr/bin/env bash
# Installs what a machine without a GPU needs to run the shaders: a software adapter for Vulkan (lavapipe) and
# for GL (llvmpipe), and spirv-val; and Mesa's driver for AMD, which compiles without AMD's hardware
# (tests/compilers). It uses apt on Debian and Ubuntu. On other systems it prints what to install.
#
#     scripts/install_software_adapter.sh            install
#     scripts/install_software_adapter.sh --sources  only print the line of the backports source that would be added
set -euo pipefail

# The loaders and Mesa's drivers. wgpu uses GL through EGL, without a window.
packages=(libvulkan1 mesa-vulkan-drivers libegl1 libegl-mesa0 libgl1-mesa-dri libgles2 spirv-tools)

# Debian 12's own Mesa is from 2022. Its lavapipe lacks fixes that compute shaders need.
backports=bookworm-backports
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { echo "install_software_adapter: $*" >&2; }

# Runs a command as root, with sudo if necessary.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "this needs root: $*"
        return 1
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@"
}

# Prints the addresses of a release's sources, one per line. apt reads the source files itself, so any format
# and any mirror work.
sources_of() {
    apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' "Created-By: Packages" |
        awk -v release="$1" '$1 == release && $2 == "main" && !seen[$3]++ { print $3 }'
}

# Prints the source line for the backports, from the mirror of the release itself.
backports_line() {
    local mirror options=""
    mirror=$(sources_of "${backports%-backports}" | head -n 1)
    if [ -z "$mirror" ]; then
        say "apt has no source for ${backports%-backports}; run: apt-get update"
        return 1
    fi
    if [ -e "$keyring" ]; then options="[signed-by=$keyring] "; fi
    echo "deb $options$mirror $backports main"
}

elsewhere() {
    case "$(uname -s)" in
        Darwin) say "macOS has Metal; for spirv-val, run: brew install spirv-tools" ;;
        Linux)
            say "install Mesa's Vulkan and EGL drivers, the Vulkan loader and SPIRV-Tools:"
            say "  Fedora: dnf install mesa-vulkan-drivers vulkan-loader mesa-libEGL mesa-dri-drivers spirv-tools"
            say "  Arch:   pacman -S vulkan-swrast vulkan-radeon vulkan-icd-loader mesa spirv-tools"
            say "  Alpine: apk add mesa-vulkan-swrast mesa-vulkan-ati vulkan-loader mesa-egl mesa-dri-gallium spirv-tools"
            ;;
        *) say "Windows includes DirectX 12 with a software adapter; spirv-val comes with the Vulkan SDK" ;;
    esac
}

if ! command -v apt-get >/dev/null; then
    elsewhere
    exit 1
fi
if [ "${1:-}" = --sources ]; then
    backports_line
    exit
fi

# An unreachable source may not matter. If it does, the installation fails.
apt update || say "apt-get update had errors"
release=()
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
if [ "$codename" = "${backports%-backports}" ]; then
    if [ -z "$(sources_of "$backports")" ]; then
        line=$(backports_line)
        eval "$(apt-config shell folder Dir::Etc::sourceparts/d)"
        say "adding to ${folder}$backports.list: $line"
        echo "$line" | as_root tee "${folder}$backports.list" >/dev/null
        apt update || say "apt-get update had errors"
    fi
    # Backports are installed only on request, so the new source changes nothing else on the machine.
    release=(-t "$backports")
fi
apt install --no-install-recommends "${release[@]}" "${packages[@]}"
say "installed"
