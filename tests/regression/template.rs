//! Chat templates: their variables, their costs, and the parts of them in messages.

use std::path::Path;
use std::process::Command;

use crate::common::{case, sukashi};

/// Makes a chat model from soseki-mini and the template of a case.
fn model(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/soseki-mini");
    for file in ["model.safetensors", "config.json", "tokenizer.json"] {
        std::fs::copy(assets.join(file), folder.path().join(file)).unwrap();
    }
    let template = case(name).join("chat_template.jinja");
    std::fs::copy(template, folder.path().join("chat_template.jinja")).unwrap();
    folder
}

/// The error message of a chat with that template.
fn refused(name: &str) -> String {
    let folder = model(name);
    let model = folder.path().to_str().unwrap();
    let ran = sukashi(&["generate", "猫", "--chat", "--model", model, "--device", "cpu", "-n", "1"]);
    assert_eq!(ran.status.code(), Some(2));
    String::from_utf8(ran.stderr).unwrap()
}

#[test]
fn attack_01_nested_lists_are_too_much() {
    assert!(refused("attack-01-jinja-nested-lists-hang").contains("it takes too many steps"));
}

#[test]
fn attack_02_a_text_put_into_a_thousand_fields_is_too_much() {
    assert!(refused("attack-02-jinja-format-memory-abort").contains("it takes too many steps"));
}

#[test]
fn attack_06_what_cannot_be_seen_is_shown_in_a_message() {
    let said = refused("attack-06-bidi-controls-in-messages");
    assert!(said.contains("its message: <U+202E>abc<U+2066> <U+200B> x"), "{said}");
}

const TOOL: &str = r#"{"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}"#;

fn chat(variable: &str, more: &[&str]) -> std::process::Output {
    let model = case("05-chat-variable-keys-sorted").join("model");
    let model = model.to_str().unwrap();
    let args = [
        "generate",
        "--chat",
        "x",
        "--show-prompt",
        "-n",
        "1",
        "--greedy",
        "--model",
        model,
        "--device",
        "cpu",
    ];
    sukashi(&[&args[..], &["--chat-variable", variable], more].concat())
}

#[test]
fn case_05_keys_keep_their_order() {
    let ran = chat(&format!("tools=[{TOOL}]"), &[]);
    let text = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(text.lines().next(), Some(TOOL), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn case_05_words_of_python_are_refused_with_the_words_of_json() {
    for variable in [
        "enable_thinking=False",
        "x=True",
        "x=None",
        "x= None ",
        "x=[1, False]",
        "x={'a': True}",
        r#"x={"a": None}"#,
    ] {
        let ran = chat("tools=[]", &["--chat-variable", variable]);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(2), "{variable}: {said}");
        assert!(said.contains("is Python; JSON writes true, false and null"), "{variable}: {said}");
    }
    // A sentence is a text, and so is a quoted text.
    for variable in
        ["x=None of these", "x=\"False\"", "x=Falsehood", "x=[True story", "enable_thinking=false"]
    {
        let refused = variable.starts_with("x=[");
        assert_eq!(chat("tools=[]", &["--chat-variable", variable]).status.success(), !refused, "{variable}");
    }
}

/// If the system starts no threads, the program works without them or names the system.
#[test]
#[cfg(target_os = "linux")]
fn no_threads_to_be_had() {
    let run = |limit: &str, threads: &str, args: &str| {
        let program = env!("CARGO_BIN_EXE_sukashi");
        let command = format!("ulimit -v {limit}; exec {program} {args} --device cpu");
        // glibc would reserve 64 MB for each of the first threads, and leave nothing for the model.
        let environment = [("RAYON_NUM_THREADS", threads), ("MALLOC_ARENA_MAX", "1")];
        let ran = Command::new("sh").args(["-c", &command]).envs(environment).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap(), said)
    };
    let (code, text, said) = run("unlimited", "1", "generate 猫 -n 3");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    // There are more threads than stacks that fit into memory.
    assert_eq!(run("900000", "50000", "generate 猫 -n 3"), (Some(0), text, said));
    let folder = model("attack-06-bidi-controls-in-messages");
    let chat = format!("generate 猫 --chat --model {} -n 3", folder.path().display());
    let (code, _, said) = run("100000", "1", &chat);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot start a thread") && said.contains("ulimit"), "{said}");
}
