//! Tests the tokenizer of a GGUF file.

use sukashi::text::{EncodeOptions, Tokenizer, Vocabulary};

use super::refused;

fn open(vocabulary: Vocabulary) -> sukashi::Result<Tokenizer> {
    Tokenizer::from_vocabulary("tiny.gguf", vocabulary)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

fn llama() -> Vocabulary {
    Vocabulary {
        model: "llama".to_string(),
        tokens: texts(&["<unk>", "<s>", "</s>", "<0x0A>", "a", "b", "ab"]),
        scores: vec![0.0, 0.0, 0.0, 0.0, -1.0, -2.0, -0.5],
        token_types: vec![2, 3, 3, 6, 1, 1, 1],
        bos_token_id: Some(1),
        eos_token_id: Some(2),
        unknown_token_id: Some(0),
        add_space_prefix: Some(false),
        ..Vocabulary::default()
    }
}

fn gpt2() -> Vocabulary {
    Vocabulary {
        model: "gpt2".to_string(),
        pre: Some("gpt-2".to_string()),
        tokens: texts(&["a", "b", "ab"]),
        merges: texts(&["a b"]),
        ..Vocabulary::default()
    }
}

/// The vocabularies that the cases below damage are valid.
#[test]
fn what_is_damaged_is_usable_before() {
    assert_eq!(open(llama()).unwrap().encode("ab", EncodeOptions::default()).unwrap(), [1, 6]);
    assert_eq!(open(gpt2()).unwrap().encode("ab", EncodeOptions::default()).unwrap(), [2]);
}

#[test]
fn kinds_and_rules_that_are_not_known() {
    let model = |model: &str| Vocabulary { model: model.to_string(), ..llama() };
    for name in ["", "t5", "bert", "LLAMA"] {
        refused(
            || open(model(name)),
            &["tiny.gguf", "tokenizer.ggml.model", &format!("{name:?}"), "\"gpt2\""],
        );
    }
    let pre = |pre: &str| Vocabulary { pre: Some(pre.to_string()), ..gpt2() };
    for name in ["", "smaug-bpe", "gpt-4o"] {
        refused(|| open(pre(name)), &["tiny.gguf", "tokenizer.ggml.pre", &format!("{name:?}"), "llama-bpe"]);
    }
    // SentencePiece has no pre-tokenizer of this kind, and its files say "default".
    open(Vocabulary { pre: Some("nonsense".to_string()), ..llama() }).unwrap();
}

#[test]
fn tokens_that_are_none_or_there_twice() {
    for damaged in [llama(), gpt2()] {
        let empty = Vocabulary { tokens: vec![], scores: vec![], token_types: vec![], ..damaged };
        refused(|| open(empty), &["tiny.gguf", "tokenizer.ggml.tokens", "found 0 tokens"]);
    }
    let twice = || Vocabulary { tokens: texts(&["a", "b", "ab", "b"]), ..gpt2() };
    refused(|| open(twice()), &["tiny.gguf", "tokenizer.ggml.tokens", "\"b\"", "1 and 3"]);
    let long = Vocabulary { tokens: vec!["x".repeat(5000), "x".repeat(5000)], ..gpt2() };
    refused(|| open(long), &["0 and 1"]);
}

#[test]
fn lengths_that_differ() {
    let scores = Vocabulary { scores: vec![0.0; 6], ..llama() };
    refused(|| open(scores), &["tiny.gguf", "tokenizer.ggml.scores", "found 6 entries", "7 tokens"]);
    let types = Vocabulary { token_types: vec![1; 8], ..llama() };
    refused(|| open(types), &["tiny.gguf", "tokenizer.ggml.token_type", "found 8 entries", "7 tokens"]);
    let none = Vocabulary { scores: vec![], ..llama() };
    refused(|| open(none), &["tiny.gguf", "tokenizer.ggml.scores", "found none", "7 tokens"]);
}

#[test]
fn scores_and_types_without_meaning() {
    let mut not_a_number = llama();
    not_a_number.scores[4] = f32::NAN;
    refused(|| open(not_a_number), &["tiny.gguf", "NaN", "tokenizer.ggml.scores", "token 4"]);
    for token_type in [0, 7, -1, i32::MIN] {
        let mut damaged = llama();
        damaged.token_types[4] = token_type;
        let found = format!("found {token_type} ");
        refused(|| open(damaged), &["tiny.gguf", "tokenizer.ggml.token_type", &found, "token 4", "1 to 6"]);
    }
    for token in ["<0x0a>", "<0x0>", "0A", "<0x0AA>", "<0x+A>", "a"] {
        let mut damaged = llama();
        damaged.tokens = texts(&["<unk>", "<s>", "</s>", token, "c", "b", "ab"]);
        refused(|| open(damaged), &["tiny.gguf", "found 6", "token 3", &format!("{token:?}"), "<0xFF>"]);
    }
}

#[test]
fn ids_past_the_vocabulary() {
    for id in [7, u32::MAX] {
        let found = format!("found {id}, expected at most 6");
        let check = |damaged, field: &str| {
            refused(|| open(damaged), &["tiny.gguf", &format!("tokenizer.ggml.{field}"), &found]);
        };
        check(Vocabulary { bos_token_id: Some(id), ..llama() }, "bos_token_id");
        check(Vocabulary { eos_token_id: Some(id), ..llama() }, "eos_token_id");
        check(Vocabulary { unknown_token_id: Some(id), ..llama() }, "unknown_token_id");
        check(Vocabulary { padding_token_id: Some(id), ..llama() }, "padding_token_id");
    }
    let no_bos = Vocabulary { bos_token_id: None, add_bos_token: Some(true), ..llama() };
    refused(
        || open(no_bos),
        &["tiny.gguf", "tokenizer.ggml.bos_token_id is missing", "add_bos_token = true"],
    );
    let no_eos = Vocabulary { eos_token_id: None, add_eos_token: Some(true), ..llama() };
    refused(
        || open(no_eos),
        &["tiny.gguf", "tokenizer.ggml.eos_token_id is missing", "add_eos_token = true"],
    );
}

#[test]
fn merges_that_no_token_matches() {
    let merges = |merges: &[&str]| Vocabulary { merges: texts(merges), ..gpt2() };
    refused(
        || open(merges(&["a b", "b a"])),
        &["tiny.gguf", "merge 2", "tokenizer.ggml.merges", "expected \"ba\""],
    );
    refused(|| open(merges(&["a c"])), &["merge 1", "expected \"c\""]);
    for line in ["", " ", "ab", "a ", " b", "a b c", "a  b"] {
        refused(
            || open(merges(&[line])),
            &["tiny.gguf", "merge 1", &format!("found {line:?}"), "a space between"],
        );
    }
}

/// The characters in special tokens may have a meaning in the notation of the `tokenizers` crate.
#[test]
fn odd_special_tokens_are_no_fault() {
    for token in ["$A", "<s :0>", "a:1", "[BOS] x"] {
        let mut odd = llama();
        odd.tokens[1] = token.to_string();
        assert_eq!(open(odd).unwrap().encode("ab", EncodeOptions::default()).unwrap(), [1, 6], "{token}");
    }
}

/// Without byte tokens, a character outside the vocabulary is the unknown token, and the error names it.
#[test]
fn characters_that_the_vocabulary_lacks() {
    let mut no_bytes = llama();
    no_bytes.tokens[3] = "c".to_string();
    no_bytes.token_types[3] = 1;
    let tokenizer = open(no_bytes).unwrap();
    refused(|| tokenizer.encode("ab猫", EncodeOptions::default()), &["character 3 ", "'猫'", "<unk>"]);
    refused(|| open(gpt2()).unwrap().encode("abc", EncodeOptions::default()), &["character 3 ", "'c'"]);
}
