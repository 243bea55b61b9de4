//! Tests prompts and ids.

use sukashi::text::{EncodeOptions, check_prompt, parse_ids};
use sukashi::weights::ModelFiles;

use super::refused;

#[test]
fn empty_prompts() {
    refused(|| check_prompt(&[], 307, 64), &["prompt", "empty"]);
    refused(|| parse_ids(""), &["prompt", "empty"]);
    refused(|| parse_ids(" \n"), &["prompt", "empty"]);
}

#[test]
fn ids_that_are_not_numbers() {
    refused(|| parse_ids("1,zwei,3"), &["number 2", "\"zwei\"", "from 0 to 4294967295"]);
    refused(|| parse_ids("1,,3"), &["number 2", "\"\""]);
    refused(|| parse_ids("1,2,"), &["number 3", "\"\""]);
    refused(|| parse_ids("-1"), &["number 1", "\"-1\""]);
    refused(|| parse_ids("4294967296"), &["\"4294967296\"", "4294967295"]);
    refused(|| parse_ids("1 2"), &["\"1 2\"", "1,2,3"]);
    refused(|| parse_ids(&"9".repeat(1 << 20)), &["number 1"]);
    refused(|| parse_ids("\u{1b}[31m"), &["\\u{1b}[31m"]);
}

#[test]
fn prompts_that_do_not_fit_the_model() {
    refused(|| check_prompt(&[306, 307], 307, 64), &["token 2", "id 307", "at most 306"]);
    refused(|| check_prompt(&[u32::MAX], 307, 64), &["4294967295"]);
    refused(|| check_prompt(&[1; 65], 307, 64), &["65 tokens", "at most 64"]);
    check_prompt(&[306; 64], 307, 64).unwrap();
}

#[test]
fn characters_that_the_vocabulary_lacks() {
    let tokenizer = ModelFiles::embedded().unwrap().tokenizer.unwrap();
    let strict = EncodeOptions::default();
    let parts = ["character 4 ", "'鷗'", "U+9DD7", "--allow-unknown", "<unk>"];
    refused(|| tokenizer.encode("吾輩は鷗である鷗", strict), &parts);
    refused(|| tokenizer.encode("猫\u{1F408}", strict), &["character 2 ", "'🐈'", "U+1F408"]);
    refused(|| tokenizer.encode("<unk>", strict), &["character 1 ", "'<'"]);

    let unknown = tokenizer.encode("鷗", EncodeOptions { allow_unknown: true, ..strict }).unwrap();
    assert_eq!(tokenizer.token(unknown[0]).text.as_deref(), Some("<unk>"));
}

#[test]
fn control_characters() {
    let tokenizer = ModelFiles::embedded().unwrap().tokenizer.unwrap();
    let controls: String =
        (0..32).chain(127..160).filter_map(char::from_u32).filter(|&c| c != '\n').collect();
    for character in controls.chars() {
        let code = format!("U+{:04X}", u32::from(character));
        let text = format!("猫{character}");
        let message = refused(|| tokenizer.encode(&text, EncodeOptions::default()), &["character 2 ", &code]);
        assert!(!message.chars().any(|c| c.is_control() && c != '\n'), "{message:?}");
    }
    let allowed = EncodeOptions { allow_unknown: true, ..EncodeOptions::default() };
    assert_eq!(tokenizer.encode(&controls, allowed).unwrap().len(), controls.chars().count());
}
