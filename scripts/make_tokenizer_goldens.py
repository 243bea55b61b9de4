#!/usr/bin/env python3
"""Writes tests/goldens/tokenizers/*.json and tests/goldens/gemma-3-270m/tokens.json: texts and their token ids.

The ids are llama.cpp's. It reads GGUF files that contain only a vocabulary, which this script trains on the texts
below: SentencePiece models and byte-level BPEs. The ids of SentencePiece or of the tokenizers package must agree.

    pip install gguf sentencepiece tokenizers
    npm install node-llama-cpp            # in any folder outside the repository
    python3 scripts/make_tokenizer_goldens.py --llama-cpp FOLDER [--gemma gemma-3-270m-q4_k_m.gguf]
"""

import argparse
import io
import json
import subprocess
import tempfile
import unicodedata
from pathlib import Path

import gguf
import sentencepiece
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

GOLDENS = Path(__file__).resolve().parent.parent / "tests" / "goldens"

# The training texts: the first lines of 吾輩は猫である and of Alice's Adventures in Wonderland, which are both in
# the public domain, and some code.
CORPUS = [
    "吾輩は猫である。名前はまだ無い。",
    "どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。",
    "吾輩はここで始めて人間というものを見た。しかもあとで聞くとそれは書生という人間中で一番獰悪な種族であったそうだ。",
    "この書生というのは時々我々を捕えて煮て食うという話である。しかしその当時は何という考もなかったから別段恐しいとも思わなかった。",
    "ただ彼の掌に載せられてスーと持ち上げられた時何だかフワフワした感じがあったばかりである。",
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once or",
    "twice she had peeped into the book her sister was reading, but it had no pictures or conversations in it, “and",
    "what is the use of a book,” thought Alice “without pictures or conversations?”",
    "So she was considering in her own mind (as well as she could, for the hot day made her feel very sleepy and",
    "stupid), whether the pleasure of making a daisy-chain would be worth the trouble of getting up and picking the",
    "daisies, when suddenly a White Rabbit with pink eyes ran close by her.",
    "fn main() {\n    let total = 1 + 2;\n    println!(\"{total}\");\n}\n",
    "def square(x):\n    return x ** 2  # the square\n",
    "CamelCase camelCase HTTPServer httpServer XMLhttp 4th 22nd v2.0 a//b c/*d*/",
    "I'll we've don't you're he'd it's I'm. 1 22 333 4444 55555; 3.14, 2024-11-25.",
]

TEXTS = [
    "", "a", " ", "\n", "東京は日本の", "吾輩は猫である。名前はまだ無い。", "The capital of France is",
    "Hello, world! It's 2024; isn't it?", "Мы решили отправиться на", "안녕하세요 세계", "مرحبا بالعالم", "ไทยแลนด์",
    "हिन्दी में लिखा", " leading space", "trailing space ", "two  spaces", "three   spaces   here", "      six at the start",
    "tabs\tand\t\ttabs", "line\nbreak", "two\n\nbreaks\n\n\n", " \n \n ", "\r\nwindows\r\n", "a" + " " * 40 + "b",
    "a" + "\n" * 40 + "b", "fn main() {\n    println!(\"{}\", 1 + 2);\n}\n", "def f(x):\n\treturn x ** 2  # square\n",
    "<h1>Title</h1><p>text</p>", "😀👩‍👩‍👧‍👦🏳️‍🌈", "emoji 🦀 in text 🗾", "𠮷野家で𩸽を食べる", "\u0001\u001f control",
    "\ue000 private use", "é e\u0301 combining", "ｶﾀｶﾅ ｈａｌｆ １２３", "①②③ ㍿ ㈱ Ⅻ ½", "<0x0A>", "▁", "a▁b", "12345678901",
    "3.14159", "1,000,000", "2024年11月25日", "https://example.com/a?b=c&d=%20", "\\frac{a}{b}", "aaaaaaaaaaaaaaaaaaaaaaa",
    "abababababab", "ーーーーーーーー", "===========", "----------", "////////", "path/to/file//x", "ＡＢＣ　全角　空白",
    "「鉤括弧」『二重』（丸）", "\u3000全角の字下げ", "\u00a0nbsp\u00a0", "\u200bzero\u200dwidth\ufeff", "Ω≈ç√∫˜µ≤≥÷",
    "Łódź Žižka Straße İstanbul ǅ", "I'LL WE'VE don't you're he'd 'S", "CamelCaseIdentifier HTTPServer snake_case XMLhttp",
    "unmergeable unmergeable", "x=1;y=2;\n\nz=x+y", "“quotes” — dashes… ‘single’", "!!!\n???\n\n", "a\u2028b\u0085c\u000bd",
]


def ids_of_llama_cpp(folder, path, texts):
    """Returns the ids of each text without `<bos>`, and whether llama.cpp would add one."""
    program = """
        import {getLlama} from "node-llama-cpp"; import fs from "fs";
        const [, , path, texts, result] = process.argv;
        const llama = await getLlama({gpu: false, build: "never", logLevel: "disabled"});
        const model = await llama.loadModel({modelPath: path, vocabOnly: true});
        const ids = JSON.parse(fs.readFileSync(texts, "utf8")).map(text => [...model.tokenize(text, true)]);
        fs.writeFileSync(result, JSON.stringify({ids, bos: model.tokens.shouldPrependBosToken}));
        process.exit(0);
    """
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        scratch = Path(scratch)
        (scratch / "tokenize.mjs").write_text(program)
        (scratch / "texts.json").write_text(json.dumps(texts))
        subprocess.run(["node", "tokenize.mjs", path, "texts.json", "result.json"], cwd=scratch, check=True)
        result = json.loads((scratch / "result.json").read_text())
    return result["ids"], result["bos"]


def write_gguf(path, fields):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(8)
    writer.add_block_count(1)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(fields["tokens"]))
    arrays = {"tokens", "scores", "token_type", "merges"}
    for name, value in fields.items():
        key = f"tokenizer.ggml.{name}"
        if name in arrays:
            writer.add_array(key, value)
        elif isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        else:
            writer.add_string(key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def sentencepiece_fields(has_prefix, control, user_defined):
    """Returns the GGUF fields of a SentencePiece BPE, and the model itself."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line for text in CORPUS for line in text.split("\n")), model_writer=model,
        vocab_size=900, model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
        add_dummy_prefix=has_prefix, remove_extra_whitespaces=False, character_coverage=0.99, pad_id=3,
        control_symbols=control, user_defined_symbols=user_defined, minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    tokens, scores, types = [], [], []
    for id in range(model.vocab_size()):
        piece, score, kind = model.id_to_piece(id), model.get_score(id), 1
        if model.is_unknown(id):
            kind = 2
        elif model.is_control(id):
            kind = 3
        elif model.is_unused(id):
            kind = 5
        elif model.is_byte(id):
            kind = 6
        elif piece in user_defined:
            # Converters write spaces here.
            piece, kind = piece.replace("▁", " "), 4
        tokens.append(piece)
        scores.append(score)
        types.append(kind)
    fields = {
        "model": "llama", "pre": "default", "tokens": tokens, "scores": scores, "token_type": types,
        "bos_token_id": model.bos_id(), "eos_token_id": model.eos_id(), "unknown_token_id": model.unk_id(),
        "padding_token_id": model.pad_id(), "add_bos_token": True, "add_eos_token": False, "add_space_prefix": has_prefix,
    }
    return fields, model


def byte_level_fields(pre, patterns, special, user_defined, bos, eos):
    """Returns the GGUF fields of a byte-level BPE, and the tokenizer itself."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    # Train on coarser words than any family's, so that there are merges that the family's pre-tokenizer must
    # prevent.
    words = pre_tokenizers.Split(tokenizers.Regex(r" ?\S+|\s+"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(False, use_regex=False)])
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    splits = [pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated") for pattern in patterns]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(splits + [pre_tokenizers.ByteLevel(False, use_regex=False)])
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    # No merges build this word, so only tokenizers that look up whole words produce it.
    tokens.append("Ġunmergeable")
    types = [1] * len(tokens) + [3] * len(special) + [4] * len(user_defined)
    tokens += special + user_defined
    fields = {
        "model": "gpt2", "pre": pre, "tokens": tokens, "token_type": types,
        "merges": [" ".join(merge) for merge in model["merges"]], "eos_token_id": tokens.index(eos),
    }
    if bos:
        fields["bos_token_id"] = tokens.index(bos)
    ignore_merges = pre in ("llama-bpe", "tekken")
    vocab = {token: id for id, token in enumerate(tokens)}
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer.model = models.BPE(vocab=vocab, merges=merges, ignore_merges=ignore_merges)
    tokenizer.add_special_tokens([tokenizers.AddedToken(token, normalized=False) for token in special])
    tokenizer.add_tokens([tokenizers.AddedToken(token, normalized=False) for token in user_defined])
    return fields, tokenizer


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in content.pop("texts"))
    head = "".join(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in content.items())
    path.write_text(f"{{\n{head} \"texts\": [\n{lines}\n ]\n}}\n", encoding="utf-8")


def compare(name, texts, got, want, whose):
    for text, left, right in zip(texts, got, want):
        if left != right:
            raise SystemExit(f"{name}: {whose} has {right} for {text!r}, llama.cpp has {left}")


def make(name, folder, fields, texts, others=None, whose=""):
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "vocabulary.gguf"
        write_gguf(path, fields)
        ids, bos = ids_of_llama_cpp(folder, path, texts)
    if others:
        compare(name, texts, ids, [others(text) for text in texts], whose)
    write(GOLDENS / "tokenizers" / f"{name}.json", {
        "vocabulary": fields, "begins_with_bos": bos,
        "texts": [{"text": text, "ids": row} for text, row in zip(texts, ids)],
    })


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BYTE_LEVEL = {
    "gpt-2": ([GPT2], ["<|endoftext|>"], [], None, "<|endoftext|>"),
    "smollm": ([r"\p{N}", GPT2], ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], [], None, "<|im_end|>"),
    "llama-bpe": (
        [LLAMA3],
        ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        [], "<|begin_of_text|>", "<|eot_id|>"),
    "qwen2": ([QWEN2], ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], ["<tool_call>", "</tool_call>"], None, "<|im_end|>"),
    "tekken": ([TEKKEN], ["<s>", "</s>", "[INST]", "[/INST]"], [], "<s>", "</s>"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-cpp", type=Path, required=True, help="the folder with node_modules/node-llama-cpp")
    parser.add_argument("--gemma", type=Path, help="the GGUF file of Gemma 3 270M")
    arguments = parser.parse_args()
    folder = arguments.llama_cpp.resolve()

    turns = ["<s>[INST] Hi [/INST]", "a</s>b", "<s>", "x <s> y", "<unk>", "<pad>"]
    for name, has_prefix in [("llama-prefix", True), ("llama-plain", False)]:
        # Do not combine runs of spaces as tokens with a space prefix, because implementations disagree on it.
        user_defined = ["\n", "\n\n", "<h1>", "</h1>"] + ([] if has_prefix else ["▁▁", "▁▁▁"])
        fields, model = sentencepiece_fields(has_prefix, ["[INST]", "[/INST]"], user_defined)
        # llama.cpp adds the prefix after every token that it finds in a text, but SentencePiece only at the
        # start.
        comparable = lambda text: not (has_prefix and any(token.replace("▁", " ") in text for token in user_defined))
        comparable_texts = [text for text in TEXTS if comparable(text)]
        make(name, folder, fields, comparable_texts, model.encode, "SentencePiece")
        make(name, folder, fields, TEXTS + turns)

    for pre, (patterns, special, user_defined, bos, eos) in BYTE_LEVEL.items():
        fields, tokenizer = byte_level_fields(pre, patterns, special, user_defined, bos, eos)
        turns = [f"{special[0]}user\n\nHi{special[-1]}\n", f"a{special[-1]}b", f" {special[0]} ", "".join(user_defined)]
        texts = TEXTS + turns
        if pre == "qwen2":
            # Qwen's own tokenizer normalises to NFC first, but llama.cpp does not.
            texts = [unicodedata.normalize("NFC", text) for text in texts]
        make(pre, folder, fields, texts, lambda text: tokenizer.encode(text).ids, "tokenizers")

    if arguments.gemma:
        turns = ["<bos>text", "a<eos>b", "<start_of_turn>user\nこんにちは<end_of_turn>\n<start_of_turn>model\n", "<unk>", "<mask>",
                 "<unused0>x<unused99>", "[multimodal]", "<bos", "<<bos>>", "<table><tr><td>1</td></tr></table>"]
        texts = TEXTS + turns
        ids, bos = ids_of_llama_cpp(folder, arguments.gemma.resolve(), texts)
        write(GOLDENS / "gemma-3-270m" / "tokens.json", {
            "begins_with_bos": bos, "texts": [{"text": text, "ids": row} for text, row in zip(texts, ids)],
        })


if __name__ == "__main__":
    main()
