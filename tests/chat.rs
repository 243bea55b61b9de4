//! Chat templates render what Jinja makes of them, as transformers sets it up.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed, also in its helpers"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use sukashi::text::{ChatTemplate, Content, DateTime, Message, Part, RenderOptions, SpecialTokens, Tokenizer};

/// What `scripts/make_chat_goldens.py` writes.
#[derive(Deserialize)]
struct Golden {
    special_tokens: BTreeMap<String, String>,
    now: DateTimeText,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct DateTimeText(String);

#[derive(Deserialize)]
struct Case {
    messages: Vec<Message>,
    add_generation_prompt: bool,
    variables: BTreeMap<String, Value>,
    text: Option<String>,
    refused: Option<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/chat")
}

fn golden(name: &str) -> (ChatTemplate, DateTime, Vec<Case>) {
    let read = |extension: &str| std::fs::read_to_string(folder().join(format!("{name}.{extension}"))).unwrap();
    let golden: Golden = serde_json::from_str(&read("json")).unwrap();
    let token = |name: &str| golden.special_tokens.get(name).cloned();
    let special_tokens = SpecialTokens {
        bos_token: token("bos_token"),
        eos_token: token("eos_token"),
        unk_token: token("unk_token"),
        pad_token: token("pad_token"),
    };
    let template = ChatTemplate::new(name, &read("jinja"), special_tokens).unwrap();
    (template, golden.now.0.parse().unwrap(), golden.cases)
}

/// What differs from the golden, case by case.
fn differences(template: &ChatTemplate, now: DateTime, cases: &[Case]) -> Vec<String> {
    let mut differences = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let options = RenderOptions {
            add_generation_prompt: case.add_generation_prompt,
            now: Some(now),
            variables: case.variables.clone(),
        };
        let got = template.render(&case.messages, &options);
        let agrees = match (&got, &case.text, &case.refused) {
            (Ok(got), Some(text), None) => got == text,
            (Err(error), None, Some(refused)) => error.to_string().contains(refused.as_str()),
            _ => false,
        };
        if !agrees {
            let wanted = case.text.as_ref().or(case.refused.as_ref());
            differences.push(format!("case {index}:\n{got:#?}\nexpected\n{wanted:#?}"));
        }
    }
    differences
}

#[track_caller]
fn agrees(name: &str) {
    let (template, now, mut cases) = golden(name);
    let differences = differences(&template, now, &cases);
    assert!(differences.is_empty(), "{name}: {}", differences.join("\n"));
    // A comparison that lets another text through would prove nothing.
    for case in &mut cases {
        case.text.iter_mut().chain(&mut case.refused).for_each(|text| text.push('x'));
    }
    assert_eq!(self::differences(&template, now, &cases).len(), cases.len());
}

#[test]
fn gemma_3() {
    agrees("gemma3");
}

#[test]
fn llama_3() {
    agrees("llama3");
}

#[test]
fn qwen_2_5() {
    agrees("qwen2.5");
}

#[test]
fn qwen_3() {
    agrees("qwen3");
}

#[test]
fn mistral() {
    agrees("mistral");
}

#[test]
fn chatml() {
    agrees("chatml");
}

#[test]
fn methods_filters_and_tags() {
    agrees("methods");
}

#[test]
fn every_golden_has_a_test() {
    let tests = ["gemma3", "llama3", "qwen2.5", "qwen3", "mistral", "chatml", "methods"];
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let names: Vec<_> = files.filter(|path| path.extension().unwrap() == "json").collect();
    assert_eq!(names.len(), tests.len(), "{names:?}");
}
