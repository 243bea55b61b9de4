//! Tests the tokenizer of the real Gemma 3 270M.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sukashi::text::{EncodeOptions, Tokenizer};
use sukashi::weights::ModelFiles;

use super::{check, read_json};

/// The tokenizer of the file. If the variable is not set, `None`, and a line is printed.
fn gemma() -> Option<Tokenizer> {
    let Some(path) = std::env::var_os("SUKASHI_GEMMA").map(PathBuf::from) else {
        skip("SUKASHI_GEMMA is not set (scripts/fetch_test_model.sh gets the model)");
        return None;
    };
    ModelFiles::open(&path).unwrap().tokenizer
}

#[test]
fn ids_are_those_of_llama_cpp_and_transformers() {
    let start = Instant::now();
    let Some(tokenizer) = gemma() else { return };
    // An idle machine takes half a second. A quadratic step would take minutes.
    assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
    assert_eq!(tokenizer.vocab_size(), 262_144);

    check("gemma-3-270m", &tokenizer, &read_json("tests/goldens/gemma-3-270m/tokens.json"), Some(2));
    for (prompt, ids) in [
        ("東京は日本の", &[2, 31414, 237048, 76444][..]),
        ("The capital of France is", &[2, 818, 5279, 529, 7001, 563]),
        ("Мы решили отправиться на", &[2, 68445, 128568, 107426, 6671, 1333]),
    ] {
        assert_eq!(tokenizer.encode(prompt, EncodeOptions::default()).unwrap(), ids, "{prompt}");
    }
}

/// Compares many more texts, for changes to the merges. Two JSON files have `[text, ...]` and `[[id, ...], ...]`.
#[test]
#[ignore = "needs SUKASHI_TEXTS and SUKASHI_IDS, two JSON files of texts and of ids"]
fn ids_of_other_texts() {
    let tokenizer = gemma().unwrap();
    let read = |name: &str| read_json(std::env::var_os(name).unwrap());
    let (texts, ids) = (read("SUKASHI_TEXTS"), read("SUKASHI_IDS"));
    let mut different = 0;
    for (text, want) in texts.as_array().unwrap().iter().zip(ids.as_array().unwrap()) {
        let got = tokenizer.encode(text.as_str().unwrap(), super::WITHOUT_BOS).unwrap();
        if serde_json::json!(got) != *want {
            different += 1;
            println!("{text} gives {got:?}, expected {want}");
        }
    }
    assert_eq!(different, 0, "of {}", texts.as_array().unwrap().len());
}
use crate::skip::skip;
