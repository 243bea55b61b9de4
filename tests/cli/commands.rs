//! Tests `sukashi adapters`, `completions`, `man`, and help.

use crate::{has_adapter, in_folder, run, succeed};

const COMMANDS: [&str; 8] = ["next", "generate", "trace", "figure", "dump", "adapters", "completions", "man"];

#[test]
fn adapters_are_listed_with_their_index() {
    let json: serde_json::Value = serde_json::from_str(&succeed(&["adapters", "--format", "json"])).unwrap();
    let adapters = json.as_array().unwrap();
    let ran = run(&["adapters"]);
    assert_eq!(ran.code, Some(0));
    if !has_adapter() {
        assert!(adapters.is_empty() && ran.stdout.is_empty() && ran.stderr.contains("--device cpu"));
        return;
    }
    for (index, adapter) in adapters.iter().enumerate() {
        assert_eq!(adapter["index"], index);
        for field in ["name", "backend", "driver", "kind"] {
            let value = adapter["info"][field].as_str().unwrap();
            assert!(ran.stdout.contains(value), "{field}: {value}");
        }
        assert!(adapter["max_binding_bytes"].as_u64().unwrap() > 0);
    }
    let record = succeed(&["next", "吾輩は", "--device", "0", "--format", "json"]);
    assert_eq!(sukashi::Trace::from_json(&record).unwrap().adapter.name, adapters[0]["info"]["name"]);
}

#[test]
fn every_shell_completes() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeed(&["completions", shell]);
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    assert_eq!(run(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let page = succeed(&["man"]);
    assert!(page.contains(".TH sukashi 1"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "");
    assert_eq!(succeed(&["man", "-o", &path]), "");
    for command in COMMANDS.iter().copied().chain(["figure-next-token", "figure-temperature", "figure-trace"])
    {
        let page = std::fs::read_to_string(folder.path().join(format!("sukashi-{command}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{command}");
    }
    assert!(folder.path().join("sukashi.1").exists());
    let ran = run(&["man", "-o", &path]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    succeed(&["man", "-o", &path, "--force"]);
}

#[test]
fn help_and_version_are_data() {
    for command in COMMANDS {
        let ran = run(&[command, "--help"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{command}");
        assert!(ran.stdout.contains("Usage: sukashi"), "{command}");
    }
    // The short help fits on a screen. The long one has every flag under a heading.
    for (command, most) in
        [("next", 30), ("trace", 34), ("generate", 34), ("figure next-token", 42), ("bench", 30)]
    {
        let command: Vec<&str> = command.split(' ').collect();
        let [short, long] = ["-h", "--help"].map(|help| succeed(&[&command[..], &[help]].concat()));
        assert!(short.lines().count() <= most, "{command:?}: {short}");
        assert!(short.lines().count() < long.lines().count() / 2, "{command:?}");
        assert!(long.contains("\nModel:\n") && long.contains("\nOutput:\n"), "{command:?}: {long}");
    }
    let next = succeed(&["next", "--help"]);
    let headings = ["Options:", "Prompt:", "Model:", "Sampler:", "Output:"];
    let found: Vec<&str> =
        next.lines().filter(|line| !line.starts_with(' ') && line.ends_with(':')).collect();
    let mut sorted = [found.clone(), headings.to_vec()];
    sorted.iter_mut().for_each(|lines| lines.sort());
    assert_eq!(sorted[0], sorted[1], "{found:?}");
    for flag in ["--min-p", "--record-stages", "--chat-variable", "--bigram-unit", "--no-tune", "--zero-head"]
    {
        assert!(next.contains(flag), "{flag}");
    }
    assert_eq!(succeed(&["--version"]), format!("sukashi {}\n", env!("CARGO_PKG_VERSION")));
    let ran = run(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("Usage: sukashi"));
}
