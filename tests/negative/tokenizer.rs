//! Tests `tokenizer.json`.

use std::fs;

use serde_json::{Value, json};
use sukashi::text::{EncodeOptions, Tokenizer};

use super::refused;

/// A `tokenizer.json` with this model and no other parts.
pub fn file(model: Value) -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Fuse"}, "model": model,
    })
}

pub fn bpe(vocab: &[&str], merges: &[[&str; 2]]) -> Value {
    let vocab: serde_json::Map<_, _> =
        vocab.iter().enumerate().map(|(id, t)| (t.to_string(), json!(id))).collect();
    json!({
        "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": vocab, "merges": merges,
    })
}

pub fn open(file: &Value) -> sukashi::Result<Tokenizer> {
    Tokenizer::from_bytes("tiny/tokenizer.json", file.to_string().as_bytes())
}

#[test]
fn files_that_are_no_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    refused(|| Tokenizer::from_file(&folder.path().join("none.json")), &["none.json"]);
    refused(|| Tokenizer::from_file(folder.path()), &["expected a regular file"]);
    let path = folder.path().join("tokenizer.json");
    for bytes in [&b""[..], b"{}", b"[]", b"\xFF", b"{\"version\": \"9\"}", b"{\"model\": {}}"] {
        fs::write(&path, bytes).unwrap();
        refused(|| Tokenizer::from_file(&path), &["tokenizer.json", "not a valid tokenizer.json"]);
    }
    let deep = format!("{{\"model\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    refused(|| Tokenizer::from_bytes("tiny/tokenizer.json", deep.as_bytes()), &["tiny/tokenizer.json"]);
    refused(|| open(&file(json!({"type": "Nonsense"}))), &["tiny/tokenizer.json"]);
}

#[test]
fn merges_that_no_token_matches() {
    let parts = ["tiny/tokenizer.json", "merge 1", "\"ab\"", "model.vocab"];
    refused(|| open(&file(bpe(&["a", "b"], &[["a", "b"]]))), &parts);
    refused(|| open(&file(bpe(&["a", "abc"], &[["a", "b"]]))), &["merge 1", "no token \"b\""]);
    let mut old_style = bpe(&["a", "b"], &[]);
    old_style["merges"] = json!(["a b"]);
    refused(|| open(&file(old_style)), &parts);
    let mut prefixed = bpe(&["a", "b", "##"], &[["a", "b"]]);
    prefixed["continuing_subword_prefix"] = json!("####");
    refused(|| open(&file(prefixed)), &["merge 1", "prefix \"####\""]);
    open(&file(bpe(&["a", "b", "ab"], &[["a", "b"]]))).unwrap();
}

#[test]
fn an_unknown_token_that_is_not_there() {
    let word_level = json!({"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"a": 0}});
    let tokenizer = open(&file(word_level)).unwrap();
    refused(|| tokenizer.encode("b", EncodeOptions::default()), &["character 1 ", "'b'", "remove it"]);
}

/// A BPE without an unknown token drops characters outside its vocabulary. Here this is always an error.
#[test]
fn characters_that_would_be_dropped() {
    let tokenizer = open(&file(bpe(&["a", "b"], &[]))).unwrap();
    for allow_unknown in [false, true] {
        let options = EncodeOptions { allow_unknown, ..EncodeOptions::default() };
        refused(|| tokenizer.encode("ab猫a", options), &["character 3 ", "'猫'", "remove it"]);
    }
    let lines = open(&file(bpe(&["\n"], &[]))).unwrap();
    refused(|| lines.encode("猫\n\n\n", EncodeOptions::default()), &["character 1 ", "'猫'"]);
    // The vocabulary has the first byte of 猫 (E7 8C AB), and not the others.
    let mut byte_level = file(bpe(&["a", "ç"], &[]));
    byte_level["pre_tokenizer"] =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    byte_level["decoder"] = byte_level["pre_tokenizer"].clone();
    let tokenizer = open(&byte_level).unwrap();
    assert_eq!(tokenizer.encode("a", EncodeOptions::default()).unwrap(), [0]);
    refused(|| tokenizer.encode("aa猫", EncodeOptions::default()), &["character 3 ", "'猫'"]);
}

/// One unknown token may stand for several characters, and some of them may be known.
#[test]
fn fused_unknown_characters() {
    let mut model = bpe(&["<unk>", "a", "b"], &[]);
    model["unk_token"] = json!("<unk>");
    model["fuse_unk"] = json!(true);
    let tokenizer = open(&file(model)).unwrap();
    refused(|| tokenizer.encode("ab犬猫a", EncodeOptions::default()), &["character 3 ", "'犬'"]);

    let unigram = json!({
        "type": "Unigram", "unk_id": 0, "byte_fallback": false,
        "vocab": [["<unk>", 0.0], ["▁", -2.0], ["▁a", -1.0], ["a", -2.0]],
    });
    let mut unigram = file(unigram);
    unigram["pre_tokenizer"] =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true});
    unigram["decoder"] = unigram["pre_tokenizer"].clone();
    let tokenizer = open(&unigram).unwrap();
    refused(|| tokenizer.encode("a a犬猫", EncodeOptions::default()), &["character 4 ", "'犬'", "<unk>"]);
    let allowed = EncodeOptions { allow_unknown: true, ..EncodeOptions::default() };
    assert!(tokenizer.encode("a a犬猫", allowed).unwrap().contains(&0));
}

#[test]
fn words_that_a_vocabulary_of_words_lacks() {
    let mut words =
        file(json!({"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "a": 1, "cat": 2}}));
    words["pre_tokenizer"] = json!({"type": "WhitespaceSplit"});
    let tokenizer = open(&words).unwrap();
    refused(|| tokenizer.encode("a cat act", EncodeOptions::default()), &["\"act\"", "character 7"]);
    // The text of the user spells the token.
    assert_eq!(tokenizer.encode("a <unk>", EncodeOptions::default()).unwrap(), [1, 0]);
}

#[test]
fn a_regular_expression_that_explodes() {
    let mut exploding = file(bpe(&["a", "b"], &[]));
    exploding["pre_tokenizer"] = json!({"type": "Split", "pattern": {"Regex": "(?=(a+)+$)(a+)+c"}, "behavior": "Isolated", "invert": false});
    let tokenizer = open(&exploding).unwrap();
    let start = std::time::Instant::now();
    let _ = tokenizer.encode(&("a".repeat(60) + "b"), EncodeOptions::default());
    assert!(start.elapsed().as_secs_f64() < 1.0, "took {:?}", start.elapsed());

    exploding["pre_tokenizer"]["pattern"]["Regex"] = json!("((((a{1000}){1000}){1000}){1000})");
    refused(|| open(&exploding), &["tiny/tokenizer.json"]);
    exploding["pre_tokenizer"]["pattern"]["Regex"] = json!("(");
    refused(|| open(&exploding), &["tiny/tokenizer.json"]);
}
