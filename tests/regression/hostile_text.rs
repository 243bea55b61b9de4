//! Tokenizers, texts and prompts that would take time or memory without end. Each is refused soon.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sukashi::text::Training;
use sukashi::weights::ModelFiles;

use crate::common::case;
use crate::text::{added, ids, letters, open, path, refusal, said};

#[test]
fn attack_04_a_normalizer_that_multiplies() {
    let file = case("attack-04-tokenizer-normalizer-bomb").join("tokenizer.json");
    let started = Instant::now();
    let message = said(&["tokenize", "a", "--tokenizer", path(&file)]);
    assert!(message.contains("normalizer") && message.contains("Replace"), "{message}");
    assert!(started.elapsed() < Duration::from_secs(5), "took {:?}", started.elapsed());
}

/// Each of these parts could turn a word into a terabyte.
#[test]
fn no_part_of_a_tokenizer_multiplies_a_text() {
    let thousand = "a".repeat(1_000);
    let replace = json!({"type": "Replace", "pattern": {"String": "a"}, "content": thousand});
    let regex = json!({"type": "Replace", "pattern": {"Regex": "[a-c]"}, "content": thousand});
    let empty = json!({"type": "Replace", "pattern": {"Regex": "z*"}, "content": thousand});
    let sequence = |steps: Vec<Value>| json!({"type": "Sequence", "normalizers": steps});
    let nested =
        sequence(vec![sequence(vec![replace.clone()]), sequence(vec![sequence(vec![replace.clone()])])]);
    let prepend = json!({"type": "Prepend", "prepend": "a".repeat(100_000)});
    let doubled = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
    for normalizer in [
        nested,
        sequence(vec![regex.clone(), regex]),
        sequence(vec![empty.clone(), empty]),
        sequence(vec![doubled; 60]),
        prepend,
        sequence(vec![json!({"type": "Lowercase"}); 300]),
    ] {
        let message = refusal(&letters(json!({"normalizer": normalizer})), "abc");
        assert!(message.contains("normalizer"), "{message}");
    }
    // There are many short texts, and each may grow a little.
    let many = letters(json!({"normalizer": replace, "added_tokens": [added(26, "|")]}));
    let message = refusal(&many, &"a|".repeat(50_000));
    assert!(message.contains("normalizer") && message.contains("8 times the text"), "{message}");
    // A text of a thousand letters is accepted.
    assert_eq!(ids(&open(&many).unwrap(), "a").len(), 1_000);
    // The crate normalises added tokens while it reads the file.
    let mut normalized = added(26, "aaa");
    normalized["normalized"] = json!(true);
    let message = refusal(
        &letters(
            json!({"normalizer": sequence(vec![replace.clone(), replace.clone()]), "added_tokens": [normalized]}),
        ),
        "b",
    );
    assert!(message.contains("normalizer") && message.contains("added token \"aaa\""), "{message}");

    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let message = refusal(
        &letters(json!({"pre_tokenizer": {"type": "Sequence", "pretokenizers": vec![bytes; 40]}})),
        "é",
    );
    assert!(message.contains("pre-tokenizer") && message.contains("ByteLevel"), "{message}");

    let decoders = |steps: Vec<Value>| json!({"decoder": {"type": "Sequence", "decoders": steps}});
    let message = refusal(&letters(decoders(vec![replace.clone(), replace])), "a");
    assert!(message.contains("decoder") && message.contains("Replace"), "{message}");
    let ctc = json!({"type": "CTC", "pad_token": "|", "word_delimiter_token": "", "cleanup": true});
    assert!(refusal(&letters(decoders(vec![ctc; 40])), "a").contains("decoder"));

    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let token = json!({"SpecialToken": {"id": "x", "type_id": 0}});
    let template = |single: Vec<Value>, ids: Vec<u32>| {
        json!({"post_processor": {"type": "TemplateProcessing", "single": single, "pair": [],
            "special_tokens": {"x": {"id": "x", "ids": ids, "tokens": vec!["a"; ids.len()]}}}})
    };
    let message = refusal(&letters(template(vec![text.clone(); 100], vec![0])), "a");
    assert!(message.contains("post_processor") && message.contains("100 times"), "{message}");
    let message = refusal(&letters(template([vec![text], vec![token; 600]].concat(), vec![0, 0])), "a");
    assert!(message.contains("post_processor") && message.contains("1200 tokens"), "{message}");

    let pieces = json!({"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 1_000_000, "vocab": {"a": 0}});
    assert!(refusal(&letters(json!({"model": pieces})), "a").contains("max_input_chars_per_word = 1000000"));
}

#[test]
fn attack_10_a_part_that_stops_half_way_is_named() {
    let file = case("attack-10-wrong-cause-for-a-panic-in-the-tokenizer").join("tokenizer.json");
    let message = said(&["tokenize", "the cat", "--tokenizer", path(&file)]);
    assert!(message.contains("normalizer") && message.contains("tokenizer.json"), "{message}");
    assert!(!message.contains("is not in the vocabulary"), "{message}");
    let chunks = letters(json!({"pre_tokenizer": {"type": "FixedLength", "length": 0}}));
    let message = refusal(&chunks, "abc");
    assert!(message.contains("pre-tokenizer") && message.contains("FixedLength"), "{message}");
}

/// If a pattern exceeds its step limit, the crate takes this for the end of the matches.
#[test]
fn a_regular_expression_that_gives_up_is_no_end_of_matches() {
    let exploding = json!({"Regex": "(?:(a+)(?!x))+c"});
    let split = json!({"type": "Split", "pattern": exploding, "behavior": "Isolated", "invert": false});
    let replace = json!({"type": "Replace", "pattern": exploding, "content": "b"});
    let text = "b".to_owned() + &"a".repeat(60) + "b";
    for (part, name) in
        [(json!({"pre_tokenizer": split}), "Split"), (json!({"normalizer": replace}), "Replace")]
    {
        let message = refusal(&letters(part.clone()), &text);
        assert!(message.contains(name) && message.contains("too many steps"), "{message}");
        assert_eq!(ids(&open(&letters(part)).unwrap(), "b").len(), 1);
    }
    // A text is also split if its end does not match.
    let digits =
        json!({"type": "Split", "pattern": {"Regex": "x(?!y)"}, "behavior": "Isolated", "invert": false});
    let tokenizer = open(&letters(json!({"pre_tokenizer": digits}))).unwrap();
    assert_eq!(ids(&tokenizer, &"abx".repeat(20)).len(), 60);
    assert_eq!(ids(&tokenizer, &"ab".repeat(30)).len(), 60);
}

#[test]
fn attack_18_training_takes_time_by_the_length_of_a_text() {
    let took = |text: &str| {
        let started = Instant::now();
        let tokenizer = Training::default().run([text]).unwrap();
        assert!(tokenizer.cut("trained", text, false).unwrap().pieces.len() < text.len());
        started.elapsed()
    };
    took("aaaa");
    // A tenth of the text used to take 12 s.
    let took = took(&"a".repeat(500_000));
    assert!(took < Duration::from_secs(20), "took {took:?}");
}

#[test]
fn attack_22_a_prompt_far_beyond_the_context_is_not_encoded() {
    let folder = tempfile::tempdir().unwrap();
    let source = case("06-bos-of-tokenizer-config-left-out").join("model");
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(source.join(file), folder.path().join(file)).unwrap();
    }
    fs::write(
        folder.path().join("chat_template.jinja"),
        "{% for i in range(5) %}{{ 'a' * 1000000 }}{% endfor %}",
    )
    .unwrap();
    let model = path(folder.path()).to_owned();
    let args = ["generate", "hi", "--chat", "--model", &model, "--device", "cpu", "-n", "1", "--no-echo"];
    for truncate in [&[][..], &["--truncate-prompt"]] {
        let message = said(&[&args, truncate].concat());
        assert!(message.contains("found 5000000 bytes, expected at most 2097152"), "{message}");
    }
    // Other texts are split as before.
    let tokenizer = ModelFiles::open(folder.path()).unwrap().tokenizer.unwrap();
    tokenizer.check_length(&"a".repeat(2 << 20), 16).unwrap();
    tokenizer.check_length(&"a".repeat(5_000_000), 5_000_000).unwrap();
}
