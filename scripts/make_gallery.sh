#!/usr/bin/env bash
# Draws docs/gallery/: each figure in both languages, with its command.
#
#     scripts/make_gallery.sh                                   with the embedded model
#     SUKASHI_GEMMA=gemma-3-270m.gguf scripts/make_gallery.sh   with Gemma 3 270M too
#
# A figure is one line at the end of this file, after a line for each record that it draws. The model runs on
# the CPU, so that everybody gets the same pictures; SUKASHI_DEVICE chooses another device. Look at every
# changed picture before committing it.
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

# needs_model ARGUMENT...: whether the command runs a model and so takes --device.
needs_model() {
    case " $* " in
        *" budget "* | *" softmax "* | *" mixing "* | *" --from "* | *" --bigram "* | *" tokenizers "* | *" bpe "*) return 1 ;;
    esac
}

# record NAME ARGUMENT...: adds a command that writes NAME.json, which the next figure draws.
records=()
record() {
    local name=$1
    shift
    records+=("$(printf '%s\t' "$name" "$@")")
}

# run LANGUAGE ARGUMENT...: runs the program in the gallery's folder, with --device if it runs a model.
run() {
    local lang=$1 device_args=()
    shift
    if needs_model "$@"; then device_args=(--device "$device"); fi
    (cd "$out" && "$program" "$@" "${device_args[@]}" --lang "$lang" --force)
}

# draw LANGUAGE README NAME HEADING ARGUMENT...: draws a picture and adds it to the README.
draw() {
    local lang=$1 readme=$2 name=$3 heading=$4 picture snippet line arguments commands=''
    shift 4
    picture=$name.$lang.png
    for line in "${records[@]}"; do
        IFS=$'\t' read -ra arguments <<<"$line"
        run "$lang" "${arguments[@]:1}" -o "${arguments[0]}.json"
        commands+="sukashi$(quoted "${arguments[@]:1}") --lang $lang -o ${arguments[0]}.json"$'\n'
    done
    snippet=$(run "$lang" figure "$@" --scale 1.5 --snippet md -o "$picture")
    for line in "${records[@]}"; do
        rm "$out/${line%%$'\t'*}.json"
    done
    {
        printf '\n## %s\n\n%s\n\n```sh\n%s' "$heading" "$snippet" "$commands"
        printf 'sukashi figure%s --lang %s -o %s\n```\n' "$(quoted "$@")" "$lang" "$picture"
    } >>"$out/$readme"
}

# figure NAME JAPANESE_HEADING ENGLISH_HEADING ARGUMENT...: draws a figure in both languages.
figure() {
    local name=$1 japanese=$2 english=$3
    shift 3
    draw ja README.ja.md "$name" "$japanese" "$@"
    draw en README.md "$name" "$english" "$@"
    records=()
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
figure trace-animation 'アニメーション' 'Token by token, animated' \
    trace 吾輩は -n 10 --temperature 0.8 --top-k 20 --seed 1 --animate
record transformer next 吾輩は --top 8
record bigram next 吾輩は --bigram wagahai.txt --top 8
figure bigram 'バイグラムとの比較' 'Beside counts of pairs' \
    next-token --from transformer.json --from bigram.json --top 8
figure bigram-trace 'バイグラムで一文字ずつ' 'Counts of pairs, character by character' \
    trace 吾輩は --bigram wagahai.txt -n 6 --seed 5
figure tokens 文章の各トークン 'The tokens of a text' tokens 吾輩は猫である。名前はまだ無い。
figure tokens-rank '各トークンの順位' 'The ranks of tokens' tokens 吾輩は猫である。名前はまだ無い。 --by rank --show-ids
figure tokens-entropy 各トークンの手前でのエントロピー 'The entropy before each token' \
    tokens 吾輩は猫である。名前はまだ無い。 --by entropy
figure attention 'アテンション（一つの層）' 'Attention, the heads of a layer' attention 吾輩は猫である。 --layer 2
figure attention-head 'アテンション（一つのヘッド）' 'Attention, one head' attention 吾輩は猫である。 --layer 2 --head 1
figure attention-query 一つのトークンが見ているもの 'What one token looks at' \
    attention 吾輩は猫である。 --layer 3 --head 4 --query 6
figure lens 'ロジットレンズ' 'The logit lens' lens 吾輩は猫である。名前は
figure lens-rank '最終的な首位の順位' 'The rank of what comes first in the end' lens 吾輩は猫である。名前は --metric rank
figure lens-entropy '層ごとのエントロピー' 'Entropy, layer by layer' lens 吾輩は猫である。名前は --metric entropy
figure lens-kl '最終的な予測との隔たり' 'How far from the final prediction' lens 吾輩は猫である。名前は --metric kl
figure without-head 'ヘッドを外す' 'Without a head' next-token 吾輩は猫で --zero-head 2.1 --top 6
figure tokenizers トークナイザーの比較 'Tokenizers' tokenizers 吾輩は猫である --bytes --model ../../assets/soseki-mini
figure tokenizers-trained '学習した BPE との比較' 'Beside a trained BPE' tokenizers 吾輩はここで始めて人間というものを見た。 \
    --train wagahai.txt --kind byte-bpe --vocab-size 400
figure tokenizers-lost 語彙にない文字 'Characters that a vocabulary lacks' \
    tokenizers '吾輩はネコ🐈である' --model ../../assets/soseki-mini
figure bpe マージの木 'Merges as a tree' bpe 吾輩は人間を見た --train wagahai.txt --kind byte-bpe --vocab-size 400
figure budget コンテキストウィンドウ 'The context window' budget \
    --part system=300 --part history=1200 --part evidence=900 --part question=80 --part answer=800 --context 4096
figure budget-over '溢れたコンテキスト' 'A context that is too full' budget \
    --part system=300 --part history=1900 --part evidence=1400 --part question=80 --part answer=800 --context 4096
figure softmax 'ロジットから確率へ' 'From logits to probabilities' softmax \
    --logits 3,1.5,0.5 --names Beijing,Shanghai,Guangzhou --temperatures 0.5,1,2
figure mixing 'アテンションによる混合' 'Attention mixes vectors' mixing --x '1,0;0,1;1,1' --names 猫,が,鳴く --device cpu
figure mixing-causal '後ろを見ないアテンション' 'Attention that does not look ahead' \
    mixing --x '1,0;0,1;1,1' --names 猫,が,鳴く --causal --device cpu
figure dark 暗い背景 'On a dark page' next-token 吾輩は --theme dark --top 6
figure print 紙に刷る 'On paper' trace 吾輩は -n 4 --seed 1 --temperature 0.5 --theme print --width 160mm --caption

if [ -n "${SUKASHI_GEMMA:-}" ]; then
    # The pictures are drawn inside their folder, so the model needs a link there.
    gemma=$(realpath "$SUKASHI_GEMMA")
    ln -sfn "$gemma" "$out/gemma-3-270m.gguf"
    trap 'rm -f "$out/gemma-3-270m.gguf"' EXIT
    with=(--model gemma-3-270m.gguf)
    figure gemma-next-token 'Gemma 3 270M: 次に来るトークン' 'Gemma 3 270M: the next token' next-token 東京は日本の "${with[@]}"
    figure gemma-temperature 'Gemma 3 270M: 温度による変化' 'Gemma 3 270M: temperatures' \
        temperature 東京は日本の "${with[@]}"
    figure gemma-top-k 'Gemma 3 270M: top-k による切り捨て' 'Gemma 3 270M: truncation by top-k' \
        top-k 東京は日本の --top-k 5 "${with[@]}"
    figure gemma-trace 'Gemma 3 270M: 一トークンずつ' 'Gemma 3 270M: token by token' \
        trace 東京は日本の -n 6 --seed 2 --temperature 0.8 --top-k 40 "${with[@]}"
    figure gemma-attention 'Gemma 3 270M: アテンション（一つの層）' 'Gemma 3 270M: attention, the heads of a layer' \
        attention 東京は日本の首都です。パリは --layer 11 "${with[@]}"
    figure gemma-attention-query 'Gemma 3 270M: 一つのトークンが見ているもの' 'Gemma 3 270M: what one token looks at' \
        attention 東京は日本の首都です。パリはフランスの --layer 11 --head 1 --query 10 "${with[@]}"
    figure gemma-lens 'Gemma 3 270M: ロジットレンズ' 'Gemma 3 270M: the logit lens' lens 東京は日本の "${with[@]}"
    figure gemma-tokens 'Gemma 3 270M: 各トークンの確率' 'Gemma 3 270M: the tokens of a text' \
        tokens '東京は日本の首都です。パリはフランスの首都です。' "${with[@]}"
    figure gemma-tokenizers 'トークナイザーの比較' 'Tokenizers compared' \
        tokenizers 東京は日本の首都です。 --bytes "${with[@]}"
    figure gemma-bpe 'Gemma 3 270M: マージの木' 'Gemma 3 270M: merges as a tree' bpe 日本の首都 "${with[@]}"
fi
