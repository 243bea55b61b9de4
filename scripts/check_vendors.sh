#!/usr/bin/env bash
# Compiles every kernel with more vendors' compilers than the tests do, without the hardware, and prints a table. It
# exits with 1 if a compiler refuses a kernel, or does not start. It prints SKIP for compilers that the machine cannot
# run.
#
#     scripts/check_vendors.sh FOLDER [some|most]    FOLDER is kept for the next time (2 GB); `most` takes six times as many variants
#     DEVICES="intel:bmg amd:gfx1201" scripts/check_vendors.sh FOLDER    only these
#
# The statistics of each variant are in FOLDER/tables. docs/performance.md explains these numbers. AMD and Intel need
# Linux and Mesa's Vulkan drivers (scripts/install_software_adapter.sh). Intel also needs Mesa's source of the installed
# version. Debian's apt gets it, and its build takes some minutes. On Debian, missing libraries for the build are
# installed (as root).
#
# Covered:
#   AMD    Mesa's driver compiles for any chip (RADV_FORCE_FAMILY). Mesa 26 no longer has that variable.
#   Intel  Mesa's driver runs over a library that pretends to be the kernel's driver (libintel_noop_drm_shim.so).
#   Microsoft  wgpu translates to HLSL for DirectX 12. FXC and DXC compile it to bytecode, under Wine. They are libraries for Windows,
#          which the npm package `webgpu` has (a download of 51 MB). FXC gets one variant of each kernel and format. A GPU's driver
#          compiles that bytecode once more, and that is not covered.
#   NVIDIA  Mesa's NVK compiles for Turing and Ampere, over a library of that kind. It is not NVIDIA's own compiler. The driver is that
#          of Debian sid, which is unpacked into the folder (as root).
# Not covered:
#   NVIDIA's Ada and later   the library does not know their classes.
#   Apple, Qualcomm          Mesa's Honeykrisp and turnip compile, too. The libraries in Mesa's source are older than these drivers, and
#                            would have to be changed for each of them.
#   NVIDIA's own driver, Metal, AMD's and Intel's drivers for Windows: they need the hardware or the system.
#   The results. Nothing runs. `sukashi verify` checks the results on hardware.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:?a folder for what is built}
coverage=${2:-some}
mkdir -p "$folder/tables"
folder=$(cd "$folder" && pwd)

# Chips of different generations: GCN 3 to RDNA 4 and those of data centres; Gen 12 to Xe 2; Turing and Ampere.
devices=${DEVICES:-amd:polaris10 amd:vega10 amd:mi200 amd:navi10 amd:navi21 amd:navi33 amd:gfx1150 amd:gfx1201
    intel:tgl intel:dg2 intel:mtl intel:lnl intel:bmg nvidia:162 nvidia:172 microsoft:fxc microsoft:dxc}
intel_shim=src/intel/tools/libintel_noop_drm_shim.so
nvidia_shim=src/nouveau/drm-shim/libnouveau_noop_drm_shim.so
sid=$folder/sid

say() { echo "check_vendors: $*" >&2; }

# driver NAME: the description of one of Mesa's drivers for the Vulkan loader.
driver() {
    local file
    for file in /usr/share /usr/local/share /etc; do
        for file in "$file/vulkan/icd.d/$1_icd.json" "$file/vulkan/icd.d/$1_icd.$(uname -m).json"; do
            if [ -e "$file" ]; then echo "$file" && return; fi
        done
    done
    return 1
}

# The installed version of Mesa's package.
mesa_version() { dpkg-query --show --showformat '${Version}' mesa-vulkan-drivers 2>/dev/null; }

# Gets Mesa's source through apt, with a list of sources of its own, so that the machine's list stays unchanged.
get_source() {
    local version=$1 line apt=$folder/apt
    mkdir -p "$apt/lists/partial"
    line=$(scripts/install_software_adapter.sh --sources)
    echo "deb-src ${line#deb }" >"$apt/sources.list"
    case "$version" in *~bpo*) ;; *) sed -i 's/-backports main/ main/' "$apt/sources.list" ;; esac
    local options=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists")
    apt-get "${options[@]}" update >&2
    (cd "$folder" && apt-get "${options[@]}" source --download-only --tar-only "mesa=$version" >&2)
    tar -C "$folder" -xf "$folder/mesa_${version%%-*}.orig.tar.xz"
}

# build_shim FOLDER TARGET OPTION...: a library that pretends to be a kernel's driver, with these options of Mesa.
build_shim() {
    local build=$folder/$1 target=$2 version release=()
    shift 2
    [ ! -e "$build/$target" ] || return 0
    version=$(mesa_version)
    [ -n "$version" ] || { say "it is built on Debian only" && return 1; }
    local source=$folder/mesa-${version%%-*}
    [ -d "$source" ] || get_source "$version"
    # NVK needs a newer kernel. Turing and Ampere only need the library to report another version.
    sed -i 's/version_minor = 3;/version_minor = 4;/' "$source/src/nouveau/drm-shim/nouveau_noop.c"
    case "$version" in *~bpo*) release=(-t bookworm-backports) ;; esac
    apt-get install -y --no-install-recommends "${release[@]}" \
        bison flex g++ libdrm-dev libelf-dev libexpat1-dev pkg-config zlib1g-dev >&2
    # Debian 12's meson is too old.
    [ -d "$folder/venv" ] || python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet mako meson ninja packaging pyyaml setuptools >&2
    (
        PATH=$folder/venv/bin:$PATH
        [ -e "$build/build.ninja" ] || meson setup "$build" "$source" -Dbuildtype=release -Dvulkan-drivers= -Dplatforms= \
            -Dopengl=false -Dvideo-codecs= -Dglx=disabled -Dllvm=disabled -Degl=disabled -Dgbm=disabled -Dgles1=disabled \
            -Dgles2=disabled "$@" >&2
        ninja -C "$build" "$target" >&2
    )
}

get_intel() { build_shim build "$intel_shim" -Dtools=drm-shim,intel -Dgallium-drivers=; }

# Gets Debian sid with the library and the program that compiles.
get_nvidia() {
    build_shim build-nvidia "$nvidia_shim" -Dtools=drm-shim -Dgallium-drivers=nouveau || return 1
    if [ ! -e "$sid/usr/bin/dpkg" ]; then
        command -v debootstrap >/dev/null || apt-get install -y debootstrap >&2
        debootstrap --variant=minbase --include=ca-certificates,libvulkan1,mesa-vulkan-drivers sid "$sid" >&2
    fi
    install -m 755 "$binary" "$sid/usr/local/bin/compilers"
    install -m 644 "$folder/build-nvidia/$nvidia_shim" "$sid/usr/local/lib/shim.so"
}

# Gets Microsoft's compilers, the program that calls them, and the HLSL for them.
get_microsoft() {
    local at=$folder/hlsl
    mkdir -p "$at"
    if ! command -v wine >/dev/null || ! command -v x86_64-w64-mingw32-gcc >/dev/null; then
        apt-get install -y --no-install-recommends gcc-mingw-w64-x86-64 wine wine64 >&2
    fi
    [ -e "$folder/webgpu-0.6.2.tgz" ] || (cd "$folder" && npm pack --silent webgpu@0.6.2 >&2)
    tar -C "$at" -xf "$folder/webgpu-0.6.2.tgz" --strip-components=3 \
        package/dist/win32-x64/d3dcompiler_47.dll package/dist/win32-x64/dxcompiler.dll || return 1
    x86_64-w64-mingw32-gcc -O1 -o "$at/compile_hlsl.exe" scripts/compile_hlsl.c || return 1
    "$binary" --hlsl "$at" >"$at/list.tsv"
}

# compile_hlsl fxc|dxc: prints the table of a compiler.
compile_hlsl() {
    echo "# $1 of the npm package webgpu 0.6.2"
    printf 'variant\tLanes\tBytes\tMilliseconds\n'
    (
        cd "$folder/hlsl"
        # Wine has its own versions of these libraries, which are not used.
        grep "^$1" list.tsv | WINEPREFIX=$folder/wine WINEDEBUG=-all WINEDLLOVERRIDES="d3dcompiler_47,dxcompiler=n;mscoree,mshtml=" \
            wine compile_hlsl.exe
    ) | awk -F '\t' '{ sub("\r$", "", $4); print $2 "\t" ($3 ~ /^REFUSED/ ? $3 : "\t" $3 "\t" $4) }'
}

# compile VENDOR CHIP: prints the table of one chip to stdout.
compile() {
    case "$1" in
        amd) VK_DRIVER_FILES=$(driver radeon) RADV_FORCE_FAMILY=$2 "$binary" --table "$coverage" ;;
        intel)
            VK_DRIVER_FILES=$(driver intel) LD_PRELOAD=$folder/build/$intel_shim INTEL_STUB_GPU=1 INTEL_STUB_GPU_PLATFORM=$2 \
                "$binary" --table "$coverage"
            ;;
        nvidia)
            chroot "$sid" env LD_PRELOAD=/usr/local/lib/shim.so NOUVEAU_CHIPSET="$2" NVK_I_WANT_A_BROKEN_VULKAN_DRIVER=1 \
                VK_DRIVER_FILES=/usr/share/vulkan/icd.d/nouveau_icd.json /usr/local/bin/compilers --table "$coverage"
            ;;
        microsoft) compile_hlsl "$2" ;;
        *) say "no such vendor: $1" && return 1 ;;
    esac 2>/dev/null
}

# Prints a line of the summary: pipelines, refused ones, kernels that spill or use scratch memory, and the least value
# of the column about the use of the chip. "SLM" is NVIDIA's word for scratch memory.
summary() {
    awk -F '\t' -v device="$1" '
        /^# no driver/ { print device "\t" $0; exit }
        /^#/ { name = substr($0, 3); next }
        $1 == "variant" {
            for (i = 1; i <= NF; i++) {
                # Moves between kinds of registers do not go to memory.
                if ($i ~ /[Ss]pill|[Ss]cratch|^SLM size/ && $i !~ /to reg/) spills[i]
                if ($i == "Subgroups per SIMD" || $i == "Max dispatch width" || $i == "Max warps/SM") fill = i
            }
            fill_name = $fill
            next
        }
        $2 ~ /^REFUSED/ { refused++; count++; next }
        {
            count++
            split($1, words, " ")
            for (i in spills) if ($i > 0) spilling[words[1]] = 1
            # Only software adapters run this kernel.
            if (fill && words[1] != "attention_subgroups" && (least == "" || $fill < least)) { least = $fill; where = $1 }
        }
        END {
            if (name == "") exit
            for (kernel in spilling) list = list (list == "" ? "" : ", ") kernel
            if (fill) { spilling_kernels = list == "" ? "none" : list; least = fill_name " " least " (" where ")" }
            printf "%s\t%d\t%d\t%s\t%s\t%s\n", device, count, refused, fill ? spilling_kernels : "-", fill ? least : "-", name
        }' "$2"
}

say "building the program that compiles"
binary=$(cargo test --locked --test compilers --no-run --message-format=json |
    sed -n 's/.*"name":"compilers".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[ -x "$binary" ] || { say "cargo built no test" && exit 1; }

failed=0
lines=$'device\tpipelines\trefused\tspilling\tleast\tname'
for device in $devices; do
    vendor=${device%%:*} chip=${device#*:} table=$folder/tables/${device/:/-}.tsv
    if [ "$vendor" != amd ] && ! "get_$vendor"; then
        say "$device: SKIP, what it needs cannot be had here"
        continue
    fi
    say "$device"
    started=$SECONDS
    compile "$vendor" "$chip" >"$table" || say "$device: the program ended with $?"
    line=$(summary "$device" "$table")
    say "$device: $((SECONDS - started)) s"
    lines+=$'\n'${line:-$device$'\t'no answer}
    case "$line" in "" | *"# no driver"*) failed=1 ;; esac
    if grep -q REFUSED "$table"; then
        failed=1
        grep REFUSED "$table" | head -n 5 >&2
    fi
done
column -t -s $'\t' <<<"$lines" 2>/dev/null || echo "$lines"
exit "$failed"
