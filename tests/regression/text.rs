//! Texts and tokenizers.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sukashi::text::{EncodeOptions, Message, Tokenizer, plain_text};
use sukashi::weights::ModelFiles;

use crate::common::{case, sukashi};

/// The output of the program, which has to succeed.
#[track_caller]
fn printed(args: &[&str]) -> String {
    let output = sukashi(args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The message of the program, which has to refuse its input.
#[track_caller]
pub fn said(args: &[&str]) -> String {
    let output = sukashi(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.len() < 4_000, "{} bytes", said.len());
    said
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text, EncodeOptions::default()).unwrap()
}

/// A file of a tokenizer whose tokens are single letters, with these further parts.
pub fn letters(parts: Value) -> Value {
    let vocab: serde_json::Map<_, _> =
        ('a'..='z').map(String::from).zip(0..).map(|(t, id)| (t, json!(id))).collect();
    let mut file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"},
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
    });
    for (name, part) in parts.as_object().unwrap() {
        file[name] = part.clone();
    }
    file
}

pub fn added(id: u32, content: &str) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": true})
}

pub fn open(file: &Value) -> sukashi::Result<Tokenizer> {
    Tokenizer::from_bytes("tokenizer.json", file.to_string().as_bytes())
}

/// The error about a text for a file's tokenizer, or about the file itself.
#[track_caller]
pub fn refusal(file: &Value, text: &str) -> String {
    let started = Instant::now();
    let result = open(file).and_then(|tokenizer| tokenizer.encode(text, EncodeOptions::default()));
    let message = result.unwrap_err().to_string();
    assert!(started.elapsed() < Duration::from_secs(5), "took {:?}", started.elapsed());
    assert!(message.len() < 2_000, "{message}");
    for word in ["enum", "Wrapper", "variant", "serde", "struct", "u32", "unwrap"] {
        assert!(!message.contains(word), "{word} in {message}");
    }
    message
}

#[test]
fn case_04_stops_at_special_tokens() {
    let folder = case("04-stop-at-special-token-never-stops");
    let model = folder.join("model");
    let run = |stop: &[&str]| {
        let args = ["generate", "a", "-n", "12", "--greedy", "--model", path(&model), "--device", "cpu"];
        printed(&[&args, stop].concat())
    };
    assert_eq!(run(&["--stop", "<|im_end|>"]), "abc\n");
    assert_eq!(run(&["--stop", "c<|im_end|>"]), "ab\n");
    assert_eq!(run(&["--stop", "d"]), "abc\n");
    assert_eq!(run(&["--stop-id", "2"]), "ab\n");
    // Outside a chat, the end of a turn is an ordinary token.
    assert_eq!(run(&[]), "abcdefghdef\n");
    let past = said(&["generate", "a", "--model", path(&model), "--device", "cpu", "--stop-id", "14"]);
    assert!(past.contains("found id 14, expected at most 13"), "{past}");

    let batch = |lines: &str| -> Vec<Value> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("b.jsonl");
        fs::write(&file, lines).unwrap();
        let args = ["-n", "12", "--greedy", "--model", path(&model), "--device", "cpu"];
        let printed = printed(&[&["generate", "--batch", path(&file)], &args[..]].concat());
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let answers = batch(
        "{\"prompt\": \"a\", \"stop\": [\"<|im_end|>\"]}\n{\"prompt\": \"a\", \"stop\": \"c<|im_end|>\"}\n\
         {\"prompt\": \"a\", \"stop_id\": 2}\n{\"prompt\": \"a\", \"stop_id\": [12, 13]}\n{\"prompt\": \"a\"}\n",
    );
    let ends = answers
        .iter()
        .map(|answer| (answer["text"].as_str().unwrap(), answer["finish_reason"].as_str().unwrap()));
    assert_eq!(
        Vec::from_iter(ends),
        [("bc", "stop"), ("b", "stop"), ("b", "stop"), ("bc", "stop"), ("bcdefghdef", "length")]
    );
}

#[test]
fn tokens_end_a_text_by_their_well_known_spellings() {
    let ends = |tokens: &[&str]| {
        let added = Vec::from_iter(tokens.iter().zip(26..).map(|(token, id)| added(id, token)));
        let tokenizer = open(&letters(json!({"added_tokens": added}))).unwrap();
        (tokenizer.text_end_ids().to_vec(), tokenizer.turn_end_ids().to_vec())
    };
    assert_eq!(ends(&["<|im_start|>", "<|im_end|>", "<|eot_id|>", "<s>"]), (vec![], vec![27, 28]));
    assert_eq!(ends(&["<end_of_turn>", "<|end|>", "</s>"]), (vec![28], vec![26, 27]));
    assert_eq!(ends(&["<|endoftext|>", "<eos>"]), (vec![26, 27], vec![]));
    // In gpt-oss, this token separates the messages of one answer.
    assert_eq!(ends(&["<|return|>", "<|end|>"]), (vec![], vec![26]));
    // This token is text, and not a special token.
    let mut text = added(26, "<|im_end|>");
    text["special"] = json!(false);
    assert!(open(&letters(json!({"added_tokens": [text]}))).unwrap().turn_end_ids().is_empty());
}

/// A chat ends at a token that neither the template nor generation_config.json names. A text does not end there.
#[test]
fn a_chat_never_runs_past_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let source = case("04-stop-at-special-token-never-stops").join("model");
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    fs::write(folder.path().join("chat_template.jinja"), "{{ messages[0].content }}").unwrap();
    let args = ["generate", "a", "-n", "12", "--greedy", "--model", path(folder.path()), "--device", "cpu"];
    assert_eq!(printed(&[&args[..], &["--chat"]].concat()), "bc\n");
    assert_eq!(printed(&args), "abcdefghdef\n");
}

#[test]
fn case_06_bos_of_the_tokenizer_config() {
    let folder = case("06-bos-of-tokenizer-config-left-out");
    for form in ["model", "same.gguf"] {
        let model = folder.join(form);
        let csv = printed(&["tokenize", "AB", "--special", "--model", path(&model), "--format", "csv"]);
        let ids = csv.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().to_owned());
        assert_eq!(Vec::from_iter(ids), ["256", "65", "66"], "{form}");
    }
}

/// The tokens that transformers 4.57 adds for these fields, by class.
#[test]
fn tokens_around_a_text_are_those_of_its_class() {
    let folder = tempfile::tempdir().unwrap();
    let source = case("06-bos-of-tokenizer-config-left-out").join("model");
    for file in ["config.json", "model.safetensors"] {
        fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    let plain: Value = serde_json::from_slice(&fs::read(source.join("tokenizer.json")).unwrap()).unwrap();
    let mut with_bos = plain.clone();
    with_bos["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [256], "tokens": ["<s>"]}},
    });
    let around = |tokenizer: &Value, config: Value| {
        fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
        fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
        ModelFiles::open(folder.path()).map(|files| ids(&files.tokenizer.unwrap(), "A"))
    };
    let class = |class: &str, bos: Value, eos: Value| {
        json!({"tokenizer_class": class, "add_bos_token": bos, "add_eos_token": eos, "bos_token": "<s>",
            "eos_token": {"content": "</s>"}})
    };
    let (yes, no, none) = (json!(true), json!(false), Value::Null);
    let llama = |bos: &Value, eos: &Value| class("LlamaTokenizerFast", bos.clone(), eos.clone());
    let other = |bos: &Value, eos: &Value| class("PreTrainedTokenizerFast", bos.clone(), eos.clone());
    for (tokenizer, config, expected) in [
        (&plain, llama(&yes, &no), &[256, 65][..]),
        (&plain, llama(&none, &none), &[256, 65]),
        (&plain, llama(&no, &none), &[65]),
        (&plain, llama(&yes, &yes), &[256, 65, 257]),
        (&with_bos, llama(&yes, &no), &[256, 65]),
        (&with_bos, llama(&none, &none), &[256, 65]),
        (&with_bos, llama(&no, &none), &[65]),
        (&plain, other(&none, &none), &[65]),
        (&plain, other(&yes, &none), &[256, 65]),
        (&with_bos, other(&yes, &none), &[256, 65]),
        (&with_bos, other(&no, &none), &[256, 65]),
        (&with_bos, other(&none, &yes), &[256, 65, 257]),
        (&plain, json!({}), &[65]),
        (&plain, json!({"add_bos_token": true}), &[65]),
    ] {
        assert_eq!(around(tokenizer, config.clone()).unwrap(), expected, "{config}");
    }
    let mut unknown = llama(&yes, &no);
    unknown["bos_token"] = json!("<start>");
    let message = around(&plain, unknown).unwrap_err().to_string();
    assert!(
        message.contains("bos_token = \"<start>\"") && message.contains("tokenizer_config.json"),
        "{message}"
    );
    let message = around(&plain, json!({"add_bos_token": "yes"})).unwrap_err().to_string();
    assert!(message.contains("found \"yes\", expected true or false"), "{message}");
}

#[test]
fn case_07_added_tokens_come_before_the_vocabulary() {
    let model = case("07-known-text-refused-byte-level").join("special");
    let text = "<|endoftext|>吾輩は";
    printed(&["next", text, "--model", path(&model), "--device", "cpu", "--top", "1"]);
    let shown = printed(&["tokenize", text, "--model", path(&model)]);
    assert!(!shown.contains("lost"), "{shown}");
    let csv = printed(&["tokenize", text, "--model", path(&model), "--format", "csv"]);
    let ids = csv.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().to_owned());
    assert_eq!(Vec::from_iter(ids), ["0", "68", "50", "9"]);
    // The message names a character outside the vocabulary, and its place in the text.
    let message = said(&["next", "<|endoftext|>吾輩A", "--model", path(&model), "--device", "cpu"]);
    assert!(message.contains("character 16 ") && message.contains("'A'"), "{message}");
}

/// A character that a normalizer removes or replaces is not an unknown character.
#[test]
fn normalizers_come_before_the_vocabulary() {
    let lower = letters(json!({
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Lowercase"}, {"type": "Replace", "pattern": {"String": "-"}, "content": ""}]},
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "added_tokens": [added(26, "<|END|>")],
    }));
    let tokenizer = open(&lower).unwrap();
    assert_eq!(ids(&tokenizer, "A-b <|END|> C"), [0, 1, 26, 2]);
    let cut = tokenizer.cut("letters", "A-b <|END|> C", false).unwrap();
    assert_eq!(cut.lost().count(), 0);
    let message = tokenizer.encode("A-b <|END|> C?", EncodeOptions::default()).unwrap_err().to_string();
    assert!(message.contains("character 14 ") && message.contains("'?'"), "{message}");
    let cut = tokenizer.cut("letters", "<|END|>A?b猫", false).unwrap();
    assert_eq!(Vec::from_iter(cut.lost()), ["?", "猫"]);
}

#[test]
fn case_12_unigram_scores_are_no_merges() {
    let model = case("12-unigram-gguf-cut-as-bpe").join("unigram-vocab.gguf");
    let text = "日本語のモデルを動かす";
    let csv = printed(&["tokenize", text, "--model", path(&model), "--format", "csv"]);
    let ids = csv.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().to_owned());
    assert_eq!(Vec::from_iter(ids), ["259", "756", "546", "265", "604", "339", "304", "367"]);
}

#[test]
fn case_13_byte_order_marks_and_line_ends() {
    let folder = case("13-byte-order-mark");
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (model, messages, batch) = (file("model"), file("m.json"), file("b.jsonl"));
    let on_cpu = ["-n", "1", "--greedy", "--model", &model, "--device", "cpu"];
    printed(&[&["generate", "--chat", "--messages", &messages], &on_cpu[..]].concat());
    let answers = printed(&[&["generate", "--batch", &batch], &on_cpu[..]].concat());
    assert!(answers.contains("\"prompt\":\"hi\""), "{answers}");

    let target = tempfile::tempdir().unwrap();
    let trained = target.path().join("t.json");
    let text = file("t.txt");
    let options = ["--kind", "char", "--min-frequency", "1", "-o", path(&trained)];
    printed(&[&["tokenize", "猫", "--train", &text], &options[..]].concat());
    let trained: Value = serde_json::from_slice(&fs::read(&trained).unwrap()).unwrap();
    let vocab = trained["model"]["vocab"].as_object().unwrap();
    assert!(vocab.contains_key("猫") && vocab.contains_key("\n"), "{vocab:?}");
    assert!(!vocab.contains_key("\u{FEFF}") && !vocab.contains_key("\r"), "{vocab:?}");
    // Bigrams count the pairs of the same text.
    printed(&["next", "猫", "--bigram", &text]);

    let utf16 = target.path().join("utf16.txt");
    fs::write(&utf16, b"\xFF\xFE\x2B\x73").unwrap();
    let message = said(&["next", "猫", "--bigram", path(&utf16)]);
    assert!(message.contains("UTF-16") && message.contains("save it as UTF-8"), "{message}");
    assert_eq!(plain_text("a", b"\xEF\xBB\xBFa\r\nb\rc\n".to_vec()).unwrap(), "a\nb\rc\n");
    let json = b"\xEF\xBB\xBF[{\"role\": \"user\", \"content\": \"\xE7\x8C\xAB\"}]\r\n";
    assert_eq!(Message::list_from_json("m.json", json).unwrap(), [Message::new("user", "猫")]);
}

#[test]
fn an_added_token_keeps_its_id_or_is_refused() {
    let message = refusal(&letters(json!({"added_tokens": [added(26, "<a>"), added(30, "<b>")]})), "a");
    for part in ["added token", "\"<b>\"", "id 30", "gives it 27"] {
        assert!(message.contains(part), "no {part} in {message}");
    }
    let message = refusal(&letters(json!({"added_tokens": [added(5, "b")]})), "a");
    assert!(message.contains("id 5") && message.contains("gives it 1"), "{message}");
}

#[test]
fn messages_about_a_file_are_in_its_own_words() {
    for (parts, expected) in [
        (json!({"post_processor": {"type": "Nonsense"}}), "type \"Nonsense\" in post_processor"),
        (
            json!({"post_processor": {"type": "TemplateProcessing"}}),
            "post_processor (\"TemplateProcessing\")",
        ),
        (json!({"normalizer": {"type": "Nonsense"}}), "type \"Nonsense\" in normalizer"),
        (
            json!({"normalizer": {"type": "Sequence", "normalizers": [{"type": "X"}]}}),
            "type \"X\" in normalizer",
        ),
        (json!({"normalizer": {"type": "Replace", "content": "a"}}), "the field pattern is missing"),
        (json!({"normalizer": 7}), "normalizer"),
        (json!({"pre_tokenizer": {"type": "Nonsense"}}), "type \"Nonsense\" in pre_tokenizer"),
        (json!({"pre_tokenizer": [1]}), "pre_tokenizer"),
        (json!({"decoder": {"type": "Nonsense"}}), "type \"Nonsense\" in decoder"),
        (json!({"decoder": {}}), "decoder"),
        (json!({"model": {"type": "Nonsense"}}), "model.type = \"Nonsense\""),
        (json!({"model": {"type": "BPE"}}), "vocab"),
        (json!({"model": {"type": "WordLevel", "vocab": [], "unk_token": 7}}), "found"),
        (json!({"model": 7}), "found 7"),
        (json!({"added_tokens": {}}), "found an object, expected an array"),
        (json!({"added_tokens": [{"content": "a"}]}), "the field id is missing"),
    ] {
        let message = refusal(&letters(parts.clone()), "a");
        assert!(message.contains(expected), "{parts}: {message}");
    }
}
