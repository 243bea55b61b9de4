#!/usr/bin/env bash
# Draws docs/gallery/: each figure in both languages, with its command.
#
#     scripts/make_gallery.sh                                   with the embedded model
#     SUKASHI_GEMMA=gemma-3-270m.gguf scripts/make_gallery.sh   with Gemma 3 270M too
#
# Each figure declares its pictures beside its drawing; `cargo run -p sukashi-figure --example gallery` lists them. The model runs on
# the CPU, so that everybody gets the same pictures; SUKASHI_DEVICE chooses another device. Look at every changed picture before
# committing it.
set -euo pipefail
cd "$(dirname "$0")/.."

device=${SUKASHI_DEVICE:-cpu}
out=docs/gallery
cargo build --locked --quiet
program=$(pwd)/target/debug/sukashi
mkdir -p "$out"
rm -f "$out"/*.png

cat >"$out/README.md" <<'END'
# Gallery

Every figure of sukashi with the command that made it ([日本語](README.ja.md)). `scripts/make_gallery.sh` draws them anew.
`wagahai.txt` is the beginning of Natsume Sōseki’s *I Am a Cat* (1905), which is in the public domain.
END
cat >"$out/README.ja.md" <<'END'
# ギャラリー

sukashi が描く図と、それを作ったコマンドの一覧です（[English](README.md)）。`scripts/make_gallery.sh` で描き直せます。
`wagahai.txt` は夏目漱石『吾輩は猫である』（1905 年、著作権保護期間満了）の冒頭です。
END

# quoted WORD...: prints the words quoted for a shell.
quoted() {
    local word
    for word in "$@"; do
        case $word in
            *[\ \'\"\$\(\)\<\>\;\&\|\*]*) printf " '%s'" "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
}

# run SOURCE LANGUAGE ARGUMENT...: runs the program in the gallery's folder, with --device if SOURCE is a model.
run() {
    local source=$1 lang=$2 device_args=()
    shift 2
    if [ "$source" = model ]; then device_args=(--device "$device"); fi
    (cd "$out" && "$program" "$@" "${device_args[@]}" --lang "$lang" --force)
}

# draw LANGUAGE README SOURCE NAME HEADING ARGUMENT...: draws a picture of the records and adds it to the README.
draw() {
    local lang=$1 readme=$2 source=$3 name=$4 heading=$5 picture snippet record of file words arguments commands=''
    shift 5
    picture=$name.$lang.png
    for record in "${records[@]}"; do
        IFS=$'\t' read -r of file words <<<"$record"
        read -ra arguments <<<"$words"
        run "$of" "$lang" "${arguments[@]}" -o "$file.json"
        commands+="sukashi$(quoted "${arguments[@]}") --lang $lang -o $file.json"$'\n'
    done
    snippet=$(run "$source" "$lang" figure "$@" --scale 1.5 --snippet md -o "$picture")
    for record in "${records[@]}"; do
        IFS=$'\t' read -r of file words <<<"$record"
        rm "$out/$file.json"
    done
    {
        printf '\n## %s\n\n%s\n\n```sh\n%s' "$heading" "$snippet" "$commands"
        printf 'sukashi figure%s --lang %s -o %s\n```\n' "$(quoted "$@")" "$lang" "$picture"
    } >>"$out/$readme"
}

# draw_all: draws the pictures of a list in both languages.
draw_all() {
    local what fields source name japanese english words arguments
    records=()
    while IFS=$'\t' read -r what fields; do
        if [ "$what" = record ]; then
            records+=("$fields")
            continue
        fi
        IFS=$'\t' read -r source name japanese english words <<<"$fields"
        read -ra arguments <<<"$words"
        draw ja README.ja.md "$source" "$name" "$japanese" "${arguments[@]}" </dev/null
        draw en README.md "$source" "$name" "$english" "${arguments[@]}" </dev/null
        records=()
    done
}

gemma_file=gemma-3-270m.gguf
pictures=$(cargo run --locked --quiet -p sukashi-figure --example gallery)
grep -v -e "$gemma_file" <<<"$pictures" | draw_all
if [ -n "${SUKASHI_GEMMA:-}" ]; then
    # The pictures are drawn inside their folder, so the model needs a link there.
    ln -sfn "$(realpath "$SUKASHI_GEMMA")" "$out/$gemma_file"
    trap 'rm -f "$out/$gemma_file"' EXIT
    grep -e "$gemma_file" <<<"$pictures" | draw_all
fi
