//! Tokenizers from the metadata of GGUF files give the ids of llama.cpp for each text.
//!
//! `scripts/make_tokenizer_goldens.py` made the vocabularies and the ids.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod gemma;
mod same_as_json;
#[path = "../skip/mod.rs"]
mod skip;

use std::fs;
use std::path::Path;

use serde_json::Value;
use sukashi::text::{EncodeOptions, Tokenizer, Vocabulary};

const WITHOUT_BOS: EncodeOptions = EncodeOptions { add_special_tokens: false, allow_unknown: true };

fn read_json(path: impl AsRef<Path>) -> Value {
    let path = path.as_ref();
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .unwrap()
}

/// The fields of `tokenizer.ggml`, by their names.
fn vocabulary(fields: &Value) -> Vocabulary {
    let texts = |name: &str| -> Vec<String> {
        let list = fields[name].as_array();
        list.into_iter().flatten().map(|text| text.as_str().unwrap().to_string()).collect()
    };
    let numbers = |name: &str| fields[name].as_array().into_iter().flatten().map(|n| n.as_f64().unwrap());
    let id = |name: &str| fields[name].as_u64().map(|id| id as u32);
    Vocabulary {
        model: fields["model"].as_str().unwrap().to_string(),
        pre: fields["pre"].as_str().map(str::to_string),
        tokens: texts("tokens"),
        scores: numbers("scores").map(|score| score as f32).collect(),
        token_types: numbers("token_type").map(|number| number as i32).collect(),
        merges: texts("merges"),
        bos_token_id: id("bos_token_id"),
        eos_token_id: id("eos_token_id"),
        unknown_token_id: id("unknown_token_id"),
        padding_token_id: id("padding_token_id"),
        add_bos_token: fields["add_bos_token"].as_bool(),
        add_eos_token: fields["add_eos_token"].as_bool(),
        add_space_prefix: fields["add_space_prefix"].as_bool(),
        remove_extra_whitespaces: fields["remove_extra_whitespaces"].as_bool(),
    }
}

fn golden(name: &str) -> Value {
    read_json(format!("tests/goldens/tokenizers/{name}.json"))
}

/// Compares the ids of every text with and without special tokens, and decodes them again.
fn check(name: &str, tokenizer: &Tokenizer, golden: &Value, bos_token_id: Option<u32>) {
    let begins_with_bos = golden["begins_with_bos"].as_bool().unwrap();
    let texts = golden["texts"].as_array().unwrap();
    assert!(texts.len() > 50, "{name} has {} texts", texts.len());
    for entry in texts {
        let text = entry["text"].as_str().unwrap();
        let want: Vec<u32> =
            entry["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
        let got = tokenizer.encode(text, WITHOUT_BOS).unwrap();
        assert_eq!(got, want, "{name}: {text:?}");
        let with_bos =
            tokenizer.encode(text, EncodeOptions { add_special_tokens: true, ..WITHOUT_BOS }).unwrap();
        let bos = bos_token_id.filter(|_| begins_with_bos);
        assert_eq!(with_bos, Vec::from_iter(bos.into_iter().chain(want)), "{name}: {text:?}");
        // Special tokens are not text. Decoding does not drop a space after a user-defined token.
        let has_inner_space = name == "llama-prefix" && text.contains('\n');
        if !got.iter().any(|&id| tokenizer.is_special(id)) && !text.contains(['▁', '<']) && !has_inner_space
        {
            assert_eq!(tokenizer.decode(&with_bos), text, "{name}");
        }
    }
}

fn check_golden(name: &str) {
    let golden = golden(name);
    let vocabulary = vocabulary(&golden["vocabulary"]);
    let (bos, num_tokens) = (vocabulary.bos_token_id, vocabulary.tokens.len());
    let tokenizer = Tokenizer::from_vocabulary(name, vocabulary).unwrap();
    assert_eq!(tokenizer.vocab_size(), num_tokens);
    check(name, &tokenizer, &golden, bos);
}

#[test]
fn sentencepiece_with_a_space_before_the_text() {
    check_golden("llama-prefix");
}

#[test]
fn sentencepiece_without_it() {
    check_golden("llama-plain");
}

#[test]
fn byte_level_families() {
    for name in ["gpt-2", "smollm", "llama-bpe", "qwen2", "tekken"] {
        check_golden(name);
    }
}

/// The rules of the families differ for these texts, so a file with the name of another family fails.
#[test]
fn a_wrong_family_is_found() {
    for (name, pre) in
        [("gpt-2", "qwen2"), ("llama-bpe", "qwen2"), ("tekken", "llama-bpe"), ("smollm", "gpt-2")]
    {
        let golden = golden(name);
        let mut vocabulary = vocabulary(&golden["vocabulary"]);
        vocabulary.pre = Some(pre.to_string());
        let tokenizer = Tokenizer::from_vocabulary(name, vocabulary).unwrap();
        let differs = |entry: &Value| {
            let got = tokenizer.encode(entry["text"].as_str().unwrap(), WITHOUT_BOS).unwrap();
            serde_json::json!(got) != entry["ids"]
        };
        assert!(golden["texts"].as_array().unwrap().iter().any(differs), "{name} as {pre}");
    }
}

#[test]
fn qwen_composes_characters() {
    let tokenizer = Tokenizer::from_vocabulary("qwen2", vocabulary(&golden("qwen2")["vocabulary"])).unwrap();
    let ids = |text| tokenizer.encode(text, WITHOUT_BOS).unwrap();
    assert_eq!(ids("e\u{301}"), ids("é"));
}

#[test]
fn without_a_name_of_the_rule_it_is_that_of_gpt2() {
    let golden = golden("gpt-2");
    for pre in [None, Some("default".to_string())] {
        let vocabulary = Vocabulary { pre, ..vocabulary(&golden["vocabulary"]) };
        check("gpt-2", &Tokenizer::from_vocabulary("gpt-2", vocabulary).unwrap(), &golden, None);
    }
}

#[test]
fn extra_whitespace_is_removed_where_the_file_says_so() {
    let mut vocabulary = vocabulary(&golden("llama-prefix")["vocabulary"]);
    vocabulary.remove_extra_whitespaces = Some(true);
    let tokenizer = Tokenizer::from_vocabulary("tiny.gguf", vocabulary).unwrap();
    let ids = |text| tokenizer.encode(text, WITHOUT_BOS).unwrap();
    assert_eq!(ids("  a   book "), ids("a book"));
}

#[test]
fn eos_behind_a_text_where_the_file_says_so() {
    let mut vocabulary = vocabulary(&golden("llama-plain")["vocabulary"]);
    vocabulary.add_eos_token = Some(true);
    let (bos, eos) = (vocabulary.bos_token_id.unwrap(), vocabulary.eos_token_id.unwrap());
    let tokenizer = Tokenizer::from_vocabulary("tiny.gguf", vocabulary).unwrap();
    let ids = tokenizer.encode("a book", EncodeOptions::default()).unwrap();
    assert_eq!((ids.first(), ids.last()), (Some(&bos), Some(&eos)));
    assert_eq!(tokenizer.decode(&ids), "a book");
}

#[test]
fn roles_are_read_from_the_texts_where_there_are_no_types() {
    let golden = golden("llama-plain");
    let mut vocabulary = vocabulary(&golden["vocabulary"]);
    vocabulary.token_types.clear();
    let tokenizer = Tokenizer::from_vocabulary("tiny.gguf", vocabulary).unwrap();
    let ids = tokenizer.encode("猫🦀", EncodeOptions::default()).unwrap();
    assert_eq!(ids[0], 1);
    assert_eq!(tokenizer.decode(&ids), "猫🦀");
    assert!(tokenizer.is_special(0) && tokenizer.is_special(1) && tokenizer.is_special(2));
}

#[test]
fn a_gap_in_the_vocabulary_has_no_text() {
    let mut vocabulary = vocabulary(&golden("llama-plain")["vocabulary"]);
    for _ in 0..2 {
        vocabulary.tokens.push(String::new());
        vocabulary.scores.push(-1000.0);
        vocabulary.token_types.push(5);
    }
    vocabulary.tokens.push("[PAD902]".to_string());
    vocabulary.scores.push(-1000.0);
    vocabulary.token_types.push(5);
    let (gap, size) = (vocabulary.tokens.len() - 2, vocabulary.tokens.len());
    let tokenizer = Tokenizer::from_vocabulary("tiny.gguf", vocabulary).unwrap();
    assert_eq!(tokenizer.vocab_size(), size);
    assert_eq!(tokenizer.token(gap as u32).text, None);
}
