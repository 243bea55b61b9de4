//! Tests `sukashi generate --batch`.

use std::path::Path;

use serde_json::{Value, json};

use crate::bad_input::refused;
use crate::{cpu, has_adapter, on_adapter, run, run_with_input, succeed, tiny_model};

/// Writes a file with these lines.
fn file(folder: &Path, lines: &[Value]) -> String {
    let path = folder.join("prompts.jsonl");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn answers(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Lines that begin and end at different times, and have their own settings.
fn lines() -> Vec<Value> {
    vec![
        json!({"prompt": "吾輩は猫である", "max_new_tokens": 30, "seed": 3}),
        json!({"prompt": "先", "greedy": true}),
        json!({"prompt": "私は", "temperature": 0.7, "top_k": 12, "top_p": 0.9, "min_p": 0.01, "seed": 9}),
        json!({"prompt": "どこで生れたか", "max_new_tokens": 1}),
        json!({"prompt": "名前は", "pick": 2, "max_new_tokens": 7}),
        json!({"prompt": "猫", "repetition_penalty": 1.3, "frequency_penalty": 0.1, "presence_penalty": 0.2,
               "logit_bias": {"5": -3.5}, "typical_p": 0.9, "seed": 18_446_744_073_709_551_615_u64}),
        json!({"ids": [5, 6, 7], "seed": 4}),
    ]
}

/// Runs the settings of a line as flags, and returns the text without its prompt.
fn alone(line: &Value) -> String {
    let mut args = vec!["generate".to_owned(), "--no-echo".to_owned()];
    if line.get("max_new_tokens").is_none() {
        args.extend(["-n".to_owned(), "12".to_owned()]);
    }
    for (name, value) in line.as_object().unwrap() {
        let flag = format!("--{}", name.replace('_', "-"));
        match (name.as_str(), value) {
            ("prompt", Value::String(prompt)) => args.insert(1, prompt.clone()),
            ("ids", _) => args.extend([flag, value.to_string().replace(['[', ']'], "")]),
            ("greedy", _) => args.push(flag),
            ("logit_bias", _) => args.extend([flag, "5=-3.5".to_owned()]),
            _ => args.extend([flag, value.to_string()]),
        }
    }
    args.extend(["--device".to_owned(), "cpu".to_owned()]);
    // The program warns of tokens that leave the context.
    succeed(&args.iter().map(String::as_str).collect::<Vec<_>>()).trim_end_matches('\n').to_owned()
}

#[test]
fn each_line_gets_the_text_that_it_gets_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, path) = (lines(), file(folder.path(), &lines()));
    let want: Vec<String> = lines.iter().map(alone).collect();
    for batch_size in ["1", "2", "3", "8", "64"] {
        let args = ["generate", "--batch", &path, "--batch-size", batch_size, "-n", "12"];
        let got = answers(&cpu(&args));
        assert_eq!(got.len(), lines.len());
        for (index, ((line, got), want)) in lines.iter().zip(&got).zip(&want).enumerate() {
            assert_eq!(got["line"], index + 1);
            assert_eq!(got["prompt"], line.get("prompt").cloned().unwrap_or(Value::Null));
            assert_eq!(&got["text"], want, "line {} of {batch_size} at a time", index + 1);
            let ids = got["ids"].as_array().unwrap().len();
            assert_eq!((&got["finish_reason"], &got["num_dropped"]), (&"length".into(), &0.into()));
            assert_eq!(line.get("max_new_tokens").cloned().unwrap_or(12.into()), ids);
        }
        if has_adapter() {
            assert_eq!(answers(&on_adapter(&args)), got, "{batch_size} at a time on an adapter");
        }
    }
}

#[test]
fn a_text_past_the_context_goes_on_as_it_does_alone() {
    let folder = tempfile::tempdir().unwrap();
    let long: String = "吾輩は猫である。".repeat(31);
    let lines = [
        json!({"prompt": long, "max_new_tokens": 20, "seed": 5}),
        json!({"prompt": "猫", "max_new_tokens": 20}),
    ];
    let got = answers(&cpu(&["generate", "--batch", &file(folder.path(), &lines)]));
    for (line, got) in lines.iter().zip(&got) {
        assert_eq!(got["text"], alone(line).as_str());
    }
    assert_eq!((&got[0]["prompt_tokens"], &got[0]["num_dropped"]), (&248.into(), &128.into()));
}

#[test]
fn texts_end_where_a_stop_text_comes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = cpu(&["generate", "吾輩は", "-n", "40", "--no-echo"]);
    let characters: Vec<char> = whole.trim_end().chars().collect();
    let stop: String = characters[12..15].iter().collect();
    let before: String = characters[..12].iter().collect();
    let lines = [
        json!({"prompt": "吾輩は", "stop": stop}),
        json!({"prompt": "吾輩は", "stop": ["鬱鬱鬱", stop]}),
        json!({"prompt": "吾輩は"}),
        json!({"prompt": "吾輩は", "stop": []}),
    ];
    let path = file(folder.path(), &lines);
    let got = answers(&cpu(&["generate", "--batch", &path, "-n", "40", "--stop", "鬱鬱"]));
    for answer in &got[..2] {
        assert_eq!((&answer["text"], &answer["finish_reason"]), (&before.as_str().into(), &"stop".into()));
    }
    assert_eq!(got[2]["finish_reason"], "length");
    let got = answers(&cpu(&["generate", "--batch", &path, "-n", "40", "--stop", &stop]));
    assert_eq!((&got[2]["text"], &got[2]["finish_reason"]), (&before.as_str().into(), &"stop".into()));
    assert_eq!((&got[3]["text"], &got[3]["finish_reason"]), (&whole.trim_end().into(), &"length".into()));
}

#[test]
fn lines_come_from_the_standard_input_too() {
    // A hyphen is an ordinary prompt if the vocabulary has it. Blank lines count, but give no text.
    let input = "\n{\"prompt\": \"猫\", \"seed\": 2}\r\n  \n{\"prompt\": \"猫\", \"top_k\": null}";
    let args = ["generate", "--device", "cpu", "--batch", "-", "-n", "5", "--top-k", "3", "--stats"];
    let ran = run_with_input(&args, input.as_bytes());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("2 texts, 10 tokens"), "{}", ran.stderr);
    let got = answers(&ran.stdout);
    assert_eq!((&got[0]["line"], &got[1]["line"]), (&2.into(), &4.into()));
    assert_eq!(
        got[0]["text"],
        cpu(&["generate", "猫", "-n", "5", "--no-echo", "--top-k", "3", "--seed", "2"]).trim_end()
    );
    assert_eq!(got[1]["text"], cpu(&["generate", "猫", "-n", "5", "--no-echo"]).trim_end());
}

#[test]
fn a_model_without_tokenizer_takes_ids_and_gives_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), &[json!({"ids": [1, 2, 3]}), json!({"ids": [4]})]);
    let args = ["generate", "--model", &tiny_model(), "--batch", &path, "-n", "6", "--greedy"];
    let got = answers(&cpu(&args));
    for (got, ids) in got.iter().zip(["1,2,3", "4"]) {
        let want =
            cpu(&["generate", "--model", &tiny_model(), "--ids", ids, "-n", "6", "--greedy", "--no-echo"]);
        let spaced: Vec<String> = got["ids"].as_array().unwrap().iter().map(Value::to_string).collect();
        assert_eq!(spaced.join(" "), want.trim_end());
        assert_eq!((&got["prompt"], &got["text"]), (&Value::Null, &Value::Null));
    }
    let path = file(folder.path(), &[json!({"ids": [1], "stop": "a"})]);
    let args = ["generate", "--model", &tiny_model(), "--batch", &path];
    refused(&args, &[":1", "no tokenizer.json"]);
}

/// Asserts that the program refuses a file with this second line before it writes anything.
fn refused_line(line: &str, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.jsonl");
    std::fs::write(&path, format!("{{\"prompt\": \"猫\"}}\n{line}\n{{\"prompt\": \"猫\"}}\n")).unwrap();
    let args = ["generate", "--device", "cpu", "--batch", path.to_str().unwrap()];
    refused(&args, &[&["prompts.jsonl:2"], parts].concat());
    assert_eq!(run(&args).stdout, "", "{line}");
}

#[test]
fn a_bad_line_is_named_with_its_field_its_value_and_the_limit() {
    for (line, parts) in [
        ("猫", &["no JSON object", r#"{"prompt": "#][..]),
        (r#"["猫"]"#, &["no JSON object"]),
        ("null", &["no JSON object"]),
        (r#"{"prompt": "猫""#, &["no JSON object", "EOF"]),
        (r#"{"prompt": "猫"} x"#, &["no JSON object", "trailing"]),
        ("{}", &["there is no prompt"]),
        (r#"{"prompt": ""}"#, &["empty"]),
        (r#"{"prompt": 7}"#, &["prompt", "found 7", "a text"]),
        (r#"{"prompt": "猫", "prompt": "犬"}"#, &["the field prompt is there twice"]),
        (r#"{"prompt": "猫", "max_tokens": 7}"#, &["the field max_tokens is unknown", "max_new_tokens"]),
        (r#"{"prompt": "猫", "ids": [1]}"#, &["prompt and ids"]),
        (r#"{"ids": [1, -2]}"#, &["the field ids[1]", "found -2", "a whole number"]),
        (r#"{"ids": [4294967296]}"#, &["the field ids[0]", "found 4294967296"]),
        (r#"{"ids": [2948]}"#, &["2948", "at most 2947"]),
        (r#"{"ids": []}"#, &["empty"]),
        (r#"{"prompt": "猫", "max_new_tokens": 0}"#, &["max_new_tokens 0", "1 or more"]),
        (r#"{"prompt": "猫", "max_new_tokens": -1}"#, &["max_new_tokens", "found -1"]),
        (r#"{"prompt": "猫", "max_new_tokens": 1.5}"#, &["max_new_tokens", "found 1.5"]),
        (r#"{"prompt": "猫", "temperature": "hot"}"#, &["temperature", "\"hot\"", "a number"]),
        (r#"{"prompt": "猫", "temperature": -1}"#, &["temperature = -1", ">= 0"]),
        (r#"{"prompt": "猫", "temperature": 1e400}"#, &["no JSON object", "number out of range"]),
        (r#"{"prompt": "猫", "temperature": null}"#, &["temperature", "found null"]),
        (r#"{"prompt": "猫", "top_k": 0}"#, &["top_k = 0", "top_k >= 1"]),
        (r#"{"prompt": "猫", "top_p": 1.5}"#, &["top_p = 1.5", "<= 1"]),
        (r#"{"prompt": "猫", "min_p": -0.5}"#, &["min_p = -0.5"]),
        (r#"{"prompt": "猫", "typical_p": 0}"#, &["typical_p = 0"]),
        (r#"{"prompt": "猫", "repetition_penalty": 0}"#, &["repetition_penalty = 0"]),
        (r#"{"prompt": "猫", "logit_bias": {"2948": 1}}"#, &["token 2948", "2948"]),
        (
            r#"{"prompt": "猫", "logit_bias": {"猫": 1}}"#,
            &["the field logit_bias", "found \"猫\"", "a token id in quotes"],
        ),
        (
            r#"{"prompt": "猫", "logit_bias": [1]}"#,
            &["the field logit_bias", "found an array, expected an object"],
        ),
        (r#"{"prompt": "猫", "seed": -1}"#, &["seed", "found -1"]),
        (r#"{"prompt": "猫", "seed": 1e3}"#, &["seed", "found 1000"]),
        (r#"{"prompt": "猫", "pick": 0}"#, &["pick = 0"]),
        (r#"{"prompt": "猫", "pick": 1, "greedy": true}"#, &["greedy and pick"]),
        (r#"{"prompt": "猫", "greedy": 1}"#, &["greedy", "found 1", "true or false"]),
        (r#"{"prompt": "猫", "stop": ""}"#, &["an empty text"]),
        (r#"{"prompt": "猫", "stop": [1]}"#, &["the field stop", "expected a text or an array of texts"]),
        (r#"{"prompt": "猫", "system": "x"}"#, &["the field system", "--chat"]),
        (r#"{"prompt": "猫", "messages": []}"#, &["the field messages", "--chat"]),
        (r#"{"prompt": "🐈"}"#, &["🐈"]),
    ] {
        refused_line(line, parts);
    }
    let long = format!(r#"{{"prompt": "{}"}}"#, "猫".repeat(300));
    refused_line(&long, &["found 300 tokens", "at most 256"]);
    let deep = format!(r#"{{"messages": {}1{}}}"#, "[".repeat(9999), "]".repeat(9999));
    refused_line(&deep, &["no JSON object", "recursion"]);
    let huge = format!(r#"{{"prompt": "{}"}}"#, "a".repeat(16 << 20));
    refused_line(&huge, &["too long", "16777230 bytes", "16777216"]);
}

#[test]
fn a_line_of_ever_more_fields_is_refused_at_once() {
    let fields: Vec<String> = (0..500_000).map(|index| format!("\"a{index}\":0")).collect();
    let line = format!("{{{}}}", fields.join(","));
    let start = std::time::Instant::now();
    refused_line(&line, &["the field a0 is unknown"]);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn files_and_flags_that_cannot_be_used_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.jsonl");
    let batch = |args: &[&'static str]| {
        [&["generate", "--device", "cpu", "--batch", path.to_str().unwrap()], args].concat()
    };
    refused(&batch(&[]), &["prompts.jsonl"]);
    for empty in ["", "\n \r\n"] {
        std::fs::write(&path, empty).unwrap();
        refused(&batch(&[]), &["no prompts", "prompts.jsonl"]);
    }
    std::fs::write(&path, b"{\"prompt\": \"\xff\"}").unwrap();
    refused(&batch(&[]), &["prompts.jsonl", "UTF-8"]);
    std::fs::write(&path, "{\"prompt\": \"猫\"}\n").unwrap();
    refused(&["generate", "--batch", folder.path().to_str().unwrap()], &["regular file"]);
    refused(&batch(&["--batch-size", "0"]), &["--batch-size 0", "1 to 64"]);
    refused(&batch(&["--batch-size", "65"]), &["--batch-size 65", "1 to 64"]);
    refused(&batch(&["--max-new-tokens", "0"]), &["--max-new-tokens 0"]);
    refused(&batch(&["猫"]), &["--batch"]);
    refused(&batch(&["--no-echo"]), &["--no-echo"]);
    refused(&["generate", "猫", "--batch-size", "2"], &["--batch"]);
}
