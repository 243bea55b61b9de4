//! Chat templates render the same text as Jinja does with the settings of transformers.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, also in its helpers")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, json};
use sukashi::text::{
    ChatTemplate, Content, DateTime, Message, Part, RenderOptions, SpecialTokens, Tokenizer, Variable,
};

/// The file that `scripts/make_chat_goldens.py` writes.
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
    variables: BTreeMap<String, Variable>,
    text: Option<String>,
    refused: Option<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/chat")
}

fn golden(name: &str) -> (ChatTemplate, DateTime, Vec<Case>) {
    let read =
        |extension: &str| std::fs::read_to_string(folder().join(format!("{name}.{extension}"))).unwrap();
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

/// Lists the cases that differ from the golden.
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
    // The comparison has to refuse another text.
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

/// A tokenizer that knows single characters and these tokens.
fn tokenizer(added: &[&str]) -> Tokenizer {
    let added: Vec<_> = added
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({"id": id + 1, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true})
        })
        .collect();
    let vocab: Map<_, _> = added.iter().map(|token| (token["content"].as_str().unwrap(), &token["id"])).fold(
        Map::from_iter([("<unk>".to_owned(), json!(0))]),
        |mut vocab, (token, id)| {
            vocab.insert(token.to_owned(), id.clone());
            vocab
        },
    );
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": false},
        "post_processor": null, "decoder": {"type": "Fuse"},
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"},
    });
    Tokenizer::from_bytes("tiny/tokenizer.json", file.to_string().as_bytes()).unwrap()
}

#[test]
fn each_template_has_an_end_of_turn() {
    for (name, end) in [
        ("gemma3", "<end_of_turn>"),
        ("llama3", "<|eot_id|>"),
        ("qwen2.5", "<|im_end|>"),
        ("qwen3", "<|im_end|>"),
        ("mistral", "</s>"),
        ("chatml", "<|im_end|>"),
    ] {
        let (template, _, _) = golden(name);
        let ends = |tokenizer: &Tokenizer, messages: &[Message]| {
            template.end_of_turn(messages, &RenderOptions::default(), tokenizer)
        };
        let known = tokenizer(&["<s>", end, "<start_of_turn>"]);
        let turns = ["user", "assistant", "user"].map(|role| Message::new(role, "sukashi <s> a"));
        assert_eq!(ends(&known, &turns[..1]), Some(2), "{name}");
        assert_eq!(ends(&known, &turns), Some(2), "{name}");
        // A tokenizer that splits the spelling has no such token.
        assert_eq!(ends(&tokenizer(&["<s>"]), &turns), None, "{name}");
    }
    let plain =
        ChatTemplate::new("plain", "{{ messages[-1].content }}\n<s>", SpecialTokens::default()).unwrap();
    let ends = |template: &ChatTemplate, known: &[&str]| {
        template.end_of_turn(&[Message::new("user", "a")], &RenderOptions::default(), &tokenizer(known))
    };
    assert_eq!(ends(&plain, &["<s>"]), Some(1));
    assert_eq!(ends(&plain, &["</s>"]), None);
    // These templates leave the answer out, or refuse it.
    for source in ["<s>", "{% if messages[1:] %}{{ raise_exception('one') }}{% endif %}"] {
        let template = ChatTemplate::new("odd", source, SpecialTokens::default()).unwrap();
        assert_eq!(ends(&template, &["<s>"]), None);
    }
}

#[test]
fn a_folder_has_its_template_in_one_of_three_places() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, contents: &str| std::fs::write(folder.path().join(name), contents).unwrap();
    let rendered = || {
        let template = ChatTemplate::from_folder(folder.path()).unwrap().expect("it has one");
        template.render(&[Message::new("user", "a")], &RenderOptions::default()).unwrap()
    };
    let source = "{{ bos_token }}{{ eos_token }}{{ unk_token is defined }}";
    let mut config =
        json!({"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "unk_token": null});
    config["chat_template"] = json!(source);
    write("tokenizer_config.json", &config.to_string());
    assert_eq!(rendered(), "<s></s>False");
    config["chat_template"] =
        json!([{"name": "rag", "template": "no"}, {"name": "default", "template": source}]);
    write("tokenizer_config.json", &config.to_string());
    assert_eq!(rendered(), "<s></s>False");
    write("chat_template.jinja", "jinja {{ bos_token }}\n");
    assert_eq!(rendered(), "jinja <s>");
}

#[test]
fn messages_are_read_and_written() {
    let json = r#"[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]}]"#;
    let messages = Message::list_from_json("chat.json", json.as_bytes()).unwrap();
    assert_eq!(messages[0], Message::new("user", "a"));
    assert_eq!(messages[1].content, Content::Parts(vec![Part::Text { text: "b".into() }]));
    assert_eq!(serde_json::to_string(&messages).unwrap(), json);
    assert_eq!(serde_json::from_str::<Vec<Message>>(json).unwrap(), messages);
    assert!(
        serde_json::from_str::<Message>(r#"{"role": "user"}"#)
            .unwrap_err()
            .to_string()
            .contains("no content")
    );
}
