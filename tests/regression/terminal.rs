//! The program's output: no text from outside moves a cursor, hides other text, runs in a spreadsheet, or is endless.

use std::path::{Path, PathBuf};

use serde_json::json;
use sukashi::Trace;

use crate::common::{case, sukashi};

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Only the module that makes text harmless prints.
#[test]
fn one_module_prints() {
    const PRINTS: [&str; 8] =
        ["println!", "eprintln!", "print!(", "eprint!(", "dbg!(", "stdout()", "stderr()", "ProgressBar::"];
    let allowed = |file: &str, line: &str| match file {
        "src/cli/output.rs" => true,
        // This module asks whether the output is a terminal, and how wide it is.
        "src/cli/terminal.rs" => !line.contains("print") && !line.contains("write"),
        // This mark gives a figure to a notebook.
        "crates/sukashi-figure/src/figure/mod.rs" => line.contains("EVCXR_BEGIN_CONTENT"),
        "src/cli/progress.rs" => line.contains("ProgressBar::"),
        _ => false,
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut num_found = 0;
    let folders = ["src", "crates/sukashi-figure/src"].map(|folder| root.join(folder));
    for path in folders.iter().flat_map(|folder| rust_files(folder)) {
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let code = line.split("//").next().unwrap();
            if PRINTS.iter().any(|print| code.contains(print)) {
                assert!(allowed(&file, code), "{file} prints around cli/output.rs: {line}");
                num_found += 1;
            }
        }
    }
    assert!(num_found >= 5, "the search finds nothing");
}
use crate::skip::skip;

#[test]
fn attack_05_a_name_is_shown_with_its_control_characters() {
    let shown = "<1B>]0;pwned<07><1B>[2J<1B>[31m<U+202E><0D><00>x · CPU";
    let model = case("attack-05-terminal-escapes-in-model-name").join("r.gguf");
    let model = model.to_str().unwrap();
    for args in [
        &["next", "--ids", "1,2", "--top", "1"][..],
        &["score", "--ids", "1,2,3"],
        &["bench", "--prompt-tokens", "2", "--new-tokens", "2", "--runs", "1"],
        &["trace", "--ids", "1,2", "-n", "2"],
        &["generate", "--ids", "1,2", "-n", "2", "--stats"],
        &["verify"],
    ] {
        let ran = sukashi(&[args, &["--model", model, "--device", "cpu"]].concat());
        let out = String::from_utf8(ran.stdout).unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        if ["next", "score"].contains(&args[0]) {
            assert!(out.contains(shown), "{out}{said}");
        }
        let raw = |text: &str| text.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202E}');
        // In a pipe, the text of a model is data, and stays unchanged.
        assert!(args[0] == "generate" || !raw(&out), "{args:?}: {out:?}");
        assert!(!raw(&said), "{args:?}: {said:?}");
    }
}

/// On a terminal, the program prints no raw control characters that it does not print into a pipe.
#[test]
#[cfg(unix)]
fn attack_05_on_a_terminal() {
    let python = std::process::Command::new("python3").args(["-c", "import pty"]).output();
    if !python.is_ok_and(|ran| ran.status.success()) {
        skip("no python3, so no terminal to be had");
        return;
    }
    let model = case("attack-05-terminal-escapes-in-model-name").join("r.gguf");
    let program = env!("CARGO_BIN_EXE_sukashi");
    for args in [
        ["next", "--ids", "1,2", "--top", "1", "--format", "text"],
        ["next", "--ids", "1,2", "--top", "1", "--format", "json"],
        ["generate", "--ids", "1,2", "--greedy", "-n", "9", "--no-echo"],
    ] {
        let command = args.map(|arg| format!("'{arg}'")).join(",");
        let script = format!(
            "import pty; pty.spawn(['{program}',{command},'--model','{}','--device','cpu'])",
            model.display()
        );
        let ran =
            std::process::Command::new("python3").args(["-c", &script]).env("TERM", "dumb").output().unwrap();
        let out = String::from_utf8_lossy(&ran.stdout).into_owned();
        let raw = |c: char| !['\n', '\r'].contains(&c) && c.is_control() || c == '\u{202E}';
        assert!(!out.is_empty() && !out.contains(raw), "{args:?}: {out:?}");
        assert!(args[0] != "next" || out.contains("pwned"), "{out}");
    }
}

#[test]
fn arguments_are_shown_as_they_are_written() {
    let hostile = "a\u{1b}[2J\u{202E}b\nerror: c";
    for args in [
        &["next", "x", "--device", hostile][..],
        &["next", "x", "--model", hostile],
        &["next", "x", "--lang", hostile],
        &["next", "x", "--messages", hostile, "--chat"],
        &[hostile],
        &["next", "x", "--bigram-unit", hostile],
        &["figure", "next-token", "--from", hostile, "-o", "x.svg"],
        &["generate", "--batch", hostile],
        &["next", "x", "-o", hostile],
    ] {
        let ran = sukashi(args);
        let said = String::from_utf8(ran.stderr).unwrap();
        assert!(!said.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202E}'), "{said:?}");
        assert!(!said.contains("\nerror: c"), "{said}");
        assert!(!ran.status.success(), "{args:?}");
    }
}

/// A message does not repeat a whole value.
#[test]
fn values_of_megabytes_are_shown_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let long = "x".repeat(5_000_000);
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/soseki-mini");
    let model = |name: &str, file: &str, contents: &str| {
        let model = folder.path().join(name);
        std::fs::create_dir(&model).unwrap();
        for file in ["model.safetensors", "config.json", "tokenizer.json"] {
            std::fs::copy(assets.join(file), model.join(file)).unwrap();
        }
        std::fs::write(model.join(file), contents).unwrap();
        model.to_str().unwrap().to_owned()
    };
    let write = |name: &str, contents: &str| {
        std::fs::write(path(name), contents).unwrap();
        path(name)
    };
    let config =
        |field: &str| json!({"model_type": "llama", "architectures": ["A"], field: long}).to_string();
    let mut runs = Vec::new();
    for (index, (file, contents)) in [
        ("config.json", config("model_type")),
        ("config.json", config("hidden_size")),
        ("config.json", json!({"architectures": [long]}).to_string()),
        ("config.json", format!("{{\"a\": {long}}}")),
        ("tokenizer.json", json!({"model": {"type": long}}).to_string()),
        ("tokenizer.json", json!({"version": long}).to_string()),
        ("tokenizer_config.json", json!({"bos_token": [long]}).to_string()),
        ("tokenizer_config.json", json!({"chat_template": format!("{{% {long} %}}")}).to_string()),
        ("generation_config.json", json!({"eos_token_id": long}).to_string()),
        ("chat_template.jinja", format!("{{{{ raise_exception('{}' * 50) }}}}", &long[..100_000])),
        ("chat_template.jinja", format!("{{{{ messages | {} }}}}", &long[..100_000])),
        ("chat_template.jinja", format!("{{% {} %}}", &long[..100_000])),
    ]
    .into_iter()
    .enumerate()
    {
        let model = model(&format!("m{index}"), file, &contents);
        runs.push(["next", "猫", "--chat", "--model", &model].map(str::to_owned).to_vec());
    }
    for contents in [
        json!({"schema": long}).to_string(),
        json!({"schema": "sukashi.trace/1", "version": [long]}).to_string(),
        format!("\"{long}\""),
        long.clone(),
    ] {
        let file = write(&format!("{}.json", runs.len()), &contents);
        runs.push(
            ["figure", "next-token", "--from", &file, "-o", &path("x.svg")].map(str::to_owned).to_vec(),
        );
    }
    for contents in [
        format!("{{\"{long}\": 1}}"),
        json!({"prompt": "猫", "seed": long}).to_string(),
        json!({"prompt": "猫", "stop": {"a": long}}).to_string(),
        long.clone(),
    ] {
        let file = write(&format!("{}.jsonl", runs.len()), &contents);
        runs.push(["generate", "--batch", &file, "--model", ""].map(str::to_owned)[..3].to_vec());
    }
    for contents in [
        json!([{"role": "user", "content": {"a": long}}]).to_string(),
        json!([{"role": "user", long.as_str(): 1}]).to_string(),
        json!([{"role": long, "content": ""}]).to_string(),
        format!("[{long}]"),
    ] {
        let file = write(&format!("{}.json", runs.len()), &contents);
        let chatting = model(&format!("c{}", runs.len()), "chat_template.jinja", "{{ messages }}");
        runs.push(
            ["next", "猫", "--chat", "--messages", &file, "--model", &chatting].map(str::to_owned).to_vec(),
        );
    }
    let argument = &long[..100_000];
    for args in [
        &["next", "x", "--device", argument][..],
        &["next", "x", "--model", argument],
        &["next", "--ids", argument],
        &["next", "x", "--logit-bias", argument],
        &["next", "x", "--lang", argument],
        &[argument],
        &["next", argument],
    ] {
        runs.push(args.iter().map(|&arg| arg.to_owned()).collect());
    }
    for run in runs {
        let args: Vec<&str> = run.iter().map(String::as_str).collect();
        let start = |arg: &&str| arg.chars().take(60).collect::<String>();
        let ran = sukashi(&args);
        let shown: Vec<String> = args.iter().map(start).collect();
        assert!(ran.stderr.len() < 4096, "{shown:?}: {} bytes", ran.stderr.len());
        assert!(
            !ran.status.success() && ran.status.code().is_some_and(|code| code < 3),
            "{shown:?}: {:?}",
            ran.status
        );
    }
}

#[test]
fn cells_of_csv_are_no_formulas() {
    let ran = sukashi(&["next", "猫", "--top", "9", "--format", "json", "--device", "cpu"]);
    let mut trace = Trace::from_json(&String::from_utf8(ran.stdout).unwrap()).unwrap();
    let texts = ["=1+2", "+a", "-1.5", "@x", "\tx", "\rx", "＝1", "'=1", "plain"];
    for (candidate, text) in trace.steps[0].candidates.iter_mut().zip(texts) {
        candidate.text = Some(text.to_owned());
        candidate.bytes = None;
    }
    let csv = trace.to_csv().unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    for (row, text) in rows.iter().zip(texts) {
        assert_eq!(sukashi::trace::csv_text::from_cell(&row[4]), text);
        assert!(row[4].starts_with('\'') || text == "plain", "{row:?}");
        // The fields with numbers have only numbers.
        assert!(row[6].parse::<f64>().is_ok() && row[7].parse::<f64>().is_ok(), "{row:?}");
    }
    assert_eq!(rows.len(), texts.len());
}
