#!/usr/bin/env bash
# Draws docs/gallery/: each figure in both languages, with the command that made it.
#
#     scripts/make_gallery.sh                                   from the model in the program
#     SUKASHI_GEMMA=gemma-3-270m.gguf scripts/make_gallery.sh   and from Gemma 3 270M
#
# A figure is one line at the end of this file. It runs on the CPU, so that everybody gets the same pictures, but
# with SUKASHI_DEVICE on another device. Look at every picture that changed before committing it.
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
END
cat >"$out/README.ja.md" <<'END'
# ギャラリー

sukashi が描く図と、それを作ったコマンドの一覧です（[English](README.md)）。`scripts/make_gallery.sh` で描き直せます。
END

# quoted WORD...: the words as one would type them.
quoted() {
    local word
    for word in "$@"; do
        case $word in
            *[\ \'\"\$\(\)\<\>\;\&\|\*]*) printf " '%s'" "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
}

# draw LANGUAGE README NAME HEADING ARGUMENT...: a picture and its lines.
draw() {
    local lang=$1 readme=$2 name=$3 heading=$4 picture
    shift 4
    picture=$name.$lang.png
    local runs=()
    case " $* " in
        *" budget "* | *" softmax "* | *" mixing "* | *" --from "* | *" tokenizers "* | *" bpe "*) ;;
        *) runs=(--device "$device") ;;
    esac
    local snippet
    snippet=$(cd "$out" && "$program" figure "$@" "${runs[@]}" --lang "$lang" --scale 1.5 --force --snippet md -o "$picture")
    {
        printf '\n## %s\n\n%s\n\n```sh\n' "$heading" "$snippet"
        printf 'sukashi figure%s --lang %s -o %s\n```\n' "$(quoted "$@")" "$lang" "$picture"
    } >>"$out/$readme"
}

# figure NAME JAPANESE_HEADING ENGLISH_HEADING ARGUMENT...: a figure in both languages.
figure() {
    local name=$1 japanese=$2 english=$3
    shift 3
    draw ja README.ja.md "$name" "$japanese" "$@"
    draw en README.md "$name" "$english" "$@"
}

figure next-token 次に来るトークン 'The next token' next-token 吾輩は
figure next-token-log 対数目盛 'On a logarithmic scale' next-token 吾輩は --log --top 15
figure next-tokens 文脈を並べる 'Several texts' next-token 吾輩は 先生は これは --top 6
figure top-k "top-k による切り捨て" 'Truncation by top-k' top-k 吾輩は --top-k 5 --temperature 0.8 --top 10
figure top-p "top-p による切り捨て" 'Truncation by top-p' top-k 吾輩は --top-p 0.4 --temperature 0.8
figure min-p "min-p による切り捨て" 'Truncation by min-p' top-k 吾輩は --min-p 0.25 --temperature 0.8
figure temperature 温度による変化 'Temperatures' temperature 吾輩は
figure temperature-axis '温度を横軸にとる' 'Along the temperature' temperature 吾輩は --view temperatures --renormalise-shown
figure temperature-bars '温度ごとの棒グラフ' 'Temperatures as bars' temperature 吾輩は --view bars --top 6
figure sampling 'サンプリングの各段階' 'The stages of the sampler' \
    sampling 吾輩は --temperature 0.8 --top-k 8 --top-p 0.8 --seed 1
figure sampling-penalties 'ペナルティとバイアスを含む段階' 'With penalties and a bias' \
    sampling 猫は猫の --repetition-penalty 1.5 --logit-bias 2817=1 --temperature 0.7 --min-p 0.2 --greedy --top 8
figure trace 一トークンずつ 'Token by token' trace 吾輩は -n 6 --temperature 0.8 --top-k 20 --seed 1
figure tokens 文章の各トークン 'The tokens of a text' tokens 吾輩は猫である。名前はまだ無い。
figure attention 'アテンション（一つの層）' 'Attention, the heads of a layer' attention 吾輩は猫である。 --layer 2
figure attention-head 'アテンション（一つのヘッド）' 'Attention, one head' attention 吾輩は猫である。 --layer 2 --head 1
figure attention-query 一つのトークンが見ているもの 'What one token looks at' \
    attention 吾輩は猫である。 --layer 3 --head 4 --query 6
figure lens 'ロジットレンズ' 'The logit lens' lens 吾輩は猫である。名前は
figure lens-kl '最終的な予測との隔たり' 'How far from the final prediction' lens 吾輩は猫である。名前は --metric kl
figure without-head 'ヘッドを外す' 'Without a head' next-token 吾輩は猫で --zero-head 2.1 --top 6
figure tokenizers トークナイザーの比較 'Tokenizers' tokenizers 吾輩は猫である --bytes --model ../../assets/soseki-mini
figure budget コンテキストウィンドウ 'The context window' budget \
    --part system=300 --part history=1200 --part evidence=900 --part question=80 --part answer=800 --context 4096
figure softmax 'ロジットから確率へ' 'From logits to probabilities' softmax \
    --logits 3,1.5,0.5 --names Beijing,Shanghai,Guangzhou --temperatures 0.5,1,2
figure mixing 'アテンションによる混合' 'Attention mixes vectors' mixing --x '1,0;0,1;1,1' --names 猫,が,鳴く --device cpu

if [ -n "${SUKASHI_GEMMA:-}" ]; then
    # The pictures are drawn from within their folder.
    gemma=$(realpath "$SUKASHI_GEMMA")
    ln -sfn "$gemma" "$out/gemma-3-270m.gguf"
    trap 'rm -f "$out/gemma-3-270m.gguf"' EXIT
    with=(--model gemma-3-270m.gguf)
    figure gemma-next-token 'Gemma 3 270M: 次に来るトークン' 'Gemma 3 270M: the next token' next-token 東京は日本の "${with[@]}"
    figure gemma-temperature 'Gemma 3 270M: 温度による変化' 'Gemma 3 270M: temperatures' \
        temperature 東京は日本の "${with[@]}"
    figure gemma-top-k 'Gemma 3 270M: top-k による切り捨て' 'Gemma 3 270M: truncation by top-k' \
        top-k 東京は日本の --top-k 5 "${with[@]}"
    figure gemma-lens 'Gemma 3 270M: ロジットレンズ' 'Gemma 3 270M: the logit lens' lens 東京は日本の "${with[@]}"
    figure gemma-tokens 'Gemma 3 270M: 各トークンの確率' 'Gemma 3 270M: the tokens of a text' \
        tokens '東京は日本の首都です。パリはフランスの首都です。' "${with[@]}"
    figure gemma-tokenizers 'トークナイザーの比較' 'Tokenizers compared' \
        tokenizers 東京は日本の首都です。 --bytes "${with[@]}"
    figure gemma-bpe 'Gemma 3 270M: マージの木' 'Gemma 3 270M: merges as a tree' bpe 日本の首都 "${with[@]}"
fi
