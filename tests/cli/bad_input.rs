//! Bad input gives a message with the flag, the value and the limit, and exit code 2. The program writes nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::{in_folder, run, tiny_model};

/// Asserts that the program refuses `args` in less than two seconds, with all of `parts` in the message, and without
/// output.
#[track_caller]
pub fn refused(args: &[&str], parts: &[&str]) {
    let start = Instant::now();
    let ran = run(args);
    assert_eq!(ran.code, Some(2), "{args:?}: {}{}", ran.stdout, ran.stderr);
    assert!(start.elapsed() < Duration::from_secs(2), "{args:?} took {:?}", start.elapsed());
    assert_eq!(ran.stdout, "", "{args:?}");
    assert!(ran.stderr.starts_with("error: "), "{args:?}: {}", ran.stderr);
    assert!(!ran.stderr.contains('\x1b'), "{args:?}: {}", ran.stderr);
    for part in parts {
        assert!(ran.stderr.contains(part), "{args:?}: no {part:?} in: {}", ran.stderr);
    }
}

#[test]
fn sampling() {
    for command in ["next", "generate", "trace"] {
        for (flag, value, parts) in [
            ("--temperature", "NaN", &["--temperature", "temperature = NaN", ">= 0"][..]),
            ("--temperature", "-1", &["temperature = -1", ">= 0"]),
            ("--temperature", "inf", &["temperature = inf", "finite"]),
            ("--temperature", "-inf", &["temperature = -inf"]),
            ("--temperature", "warm", &["--temperature", "warm"]),
            ("--top-k", "0", &["--top-k", "top_k = 0", ">= 1"]),
            ("--top-k", "2.5", &["--top-k", "2.5"]),
            ("--top-p", "0", &["top_p = 0", "0 < top_p <= 1"]),
            ("--top-p", "1.5", &["--top-p", "top_p = 1.5", "0 < top_p <= 1"]),
            ("--top-p", "-0.5", &["top_p = -0.5"]),
            ("--min-p", "2", &["--min-p", "min_p = 2"]),
            ("--typical-p", "NaN", &["typical_p = NaN"]),
            ("--repetition-penalty", "0", &["repetition_penalty = 0"]),
            ("--frequency-penalty", "inf", &["frequency_penalty = inf"]),
            ("--presence-penalty", "-inf", &["presence_penalty = -inf"]),
            ("--logit-bias", "x=1", &["--logit-bias", "ID=VALUE"]),
            ("--logit-bias", "5", &["ID=VALUE"]),
            ("--logit-bias", "5=NaN", &["--logit-bias", "logit_bias[5] = NaN"]),
            ("--logit-bias", "2948=1", &["2948"]),
        ] {
            refused(&[command, "吾輩は", flag, value], parts);
        }
    }
    refused(&["generate", "吾輩は", "--pick", "0"], &["--pick", "pick = 0", ">= 1"]);
    refused(&["generate", "吾輩は", "--greedy", "--pick", "2"], &["--greedy", "--pick"]);
    refused(&["generate", "吾輩は", "--seed", "-1"], &["-1"]);
    refused(&["generate", "吾輩は", "--stop", ""], &["stop"]);
    refused(&["generate", "--model", &tiny_model(), "--ids", "1", "--stop", "x"], &["tokenizer.json"]);
}

#[test]
fn numbers_of_things() {
    refused(&["generate", "吾輩は", "-n", "0"], &["--max-new-tokens 0", "1 or more"]);
    refused(&["trace", "吾輩は", "-n", "0"], &["--max-new-tokens 0"]);
    refused(&["generate", "吾輩は", "-n", "many"], &["many"]);
    refused(&["next", "吾輩は", "--top", "0"], &["0 candidates", "--top"]);
    refused(&["trace", "吾輩は", "--top", "0"], &["0 candidates", "--top"]);
}

#[test]
fn prompts() {
    for command in ["next", "generate", "trace"] {
        refused(&[command], &["no prompt", "--ids"]);
        refused(&[command, ""], &["prompt", "empty"]);
        refused(&[command, "-"], &["prompt", "empty"]);
        refused(&[command, "--ids", ""], &["prompt", "empty"]);
        refused(&[command, "--ids", "1,zwei,3"], &["number 2", "\"zwei\""]);
        refused(&[command, "--ids", "-1"], &["number 1", "\"-1\""]);
        refused(&[command, "--ids", "1,2948"], &["token 2", "2948", "2947"]);
        refused(&[command, "吾輩は", "--ids", "1"], &["--ids"]);
        refused(&[command, "吾輩は鷗"], &["character 4 ", "'鷗'", "U+9DD7", "--allow-unknown", "<unk>"]);
    }
    let english = ["soseki-mini", "Japanese", "'France' --model HuggingFaceTB/SmolLM2-135M"];
    refused(&["next", "France"], if cfg!(feature = "hub") { &english } else { &["'F'"] });
    // Every control character but the line feed, which is in the vocabulary. NUL cannot be in an argument.
    for code in (1..32).filter(|&code| code != 10).chain([127]) {
        let prompt = format!("猫{}", char::from(code));
        refused(&["next", &prompt], &["character 2 ", &format!("U+{code:04X}")]);
    }
}

#[test]
fn prompts_longer_than_the_context() {
    // 300 characters. Each differs from the one before.
    let long = "吾輩は猫で".repeat(60);
    refused(&["next", &long], &["300 tokens", "256", "--truncate-prompt"]);
    refused(&["dump", &long, "-o", "never.safetensors"], &["300 tokens", "256"]);
    let ran = run(&["next", &long, "--truncate-prompt", "--device", "cpu"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "note: 44 tokens cut from the start of the prompt (limit 256)\n");
    let end: String = long.chars().skip(44).collect();
    assert_eq!(ran.stdout, crate::cpu(&["next", &end]));
}

#[test]
fn figures() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "figure.svg");
    let draw = |flags: &[&str], parts: &[&str]| {
        refused(&[&["figure", "next-token", "吾輩は", "-o", &path][..], flags].concat(), parts);
    };
    draw(&["--width", "0"], &["0px", "240", "8192"]);
    draw(&["--width", "1000000000"], &["1000000000px", "8192"]);
    draw(&["--width", "-5mm"], &["-5mm"]);
    draw(&["--width", "NaN"], &["NaN"]);
    draw(&["--width", "wide"], &["wide", "720px"]);
    draw(&["--scale", "0"], &["scale 0"]);
    draw(&["--scale", "NaN"], &["scale NaN"]);
    draw(&["--scale", "-1"], &["scale -1"]);
    draw(&["--theme", "neon"], &["neon", "light", "dark", "print"]);
    draw(&["--stage", "last"], &["last", "model"]);
    draw(&["--lang", "fr"], &["fr"]);
    draw(&["--top", "0"], &["0 candidates"]);
    draw(&["--font", "no-such.ttf"], &["no-such.ttf"]);
    draw(&["--font", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")], &["Cargo.toml", "font"]);
    draw(&["--step", "1"], &["--from"]);
    draw(&["-o", &path], &["twice"]);
    draw(&["-o", "figure.pdf"], &["figure.pdf", ".svg", ".png", ".csv", ".json"]);
    let huge = in_folder(&folder, "figure.png");
    refused(
        &["figure", "next-token", "吾輩は", "-o", &huge, "--scale", "1e9", "--device", "cpu"],
        &["scale 1000000000", "100 million pixels"],
    );
    for bad in ["0", "-1", "NaN", "x"] {
        refused(
            &["figure", "temperature", "吾輩は", "-o", &path, "--temperatures", bad],
            &["--temperatures", bad],
        );
    }
    refused(&["figure", "temperature", "吾輩は", "-o", &path, "--view", "pie"], &["pie", "bars"]);
    refused(
        &["figure", "sampling", "吾輩は", "-o", &path, "--top-p", "1.5"],
        &["top_p = 1.5", "0 < top_p <= 1"],
    );
    refused(&["figure", "sampling", "吾輩は", "-o", &path, "--top", "0"], &["--top 1 or more"]);
    refused(&["figure", "sampling", "吾輩は", "-o", &path, "--step", "1"], &["--step", "--from"]);
    refused(
        &["figure", "sampling", "吾輩は", "-o", &path, "--logit-bias", "9999=1"],
        &["--logit-bias 9999", "logit_bias", "2948"],
    );
    refused(&["figure", "trace", "吾輩は", "-n", "0", "-o", &path], &["--max-new-tokens 0"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn figures_of_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "figure.svg");
    let draw = |args: &[&str], parts: &[&str]| {
        refused(&[&["figure"], args, &["-o", &path]].concat(), parts);
    };
    draw(&["softmax", "--logits", "1,NaN"], &["logit 2", "NaN"]);
    draw(&["softmax", "--logits", "1,x"], &["x"]);
    draw(&["softmax", "--logits", "1,2", "--names", "a"], &["2 logits with 1 names"]);
    draw(&["softmax", "--logits", "1,2", "--temperatures", "0"], &["temperature 0"]);
    draw(&["mixing", "--x", "1,2;3"], &["row 2 of Q has 1 numbers"]);
    draw(&["mixing", "--x", "1,y"], &["\"y\" is no number"]);
    draw(&["mixing", "-q", "1"], &["--x"]);
    draw(&["mixing", "--x", "1;2", "--names", "a"], &["Q has 2 rows"]);
    draw(&["budget", "--context", "10"], &["--part"]);
    draw(&["budget", "--part", "a=-1", "--context", "10"], &["-1"]);
    draw(&["budget", "--part", "a=1"], &["--context"]);
    draw(&["budget", "--part", "a=1", "--context", "0"], &["0 tokens"]);
    draw(&["budget", "--part", "a", "--context", "9"], &["NAME="]);
    draw(&["budget", "--part-file", "a=no/such.txt"], &["no/such.txt"]);
    draw(&["next-token", "吾輩は", "鷗", "--top", "3"], &["U+9DD7"]);
    draw(&["next-token", "吾輩は", "--compare", "no/such.json"], &["no/such.json"]);
    draw(&["next-token", "吾輩は", "--names", "a,b"], &["--compare"]);
    draw(&["softmax", "--logits", "1,2", "--snippet", "pdf"], &["pdf", "latex"]);
    let csv = in_folder(&folder, "figure.csv");
    refused(&["figure", "softmax", "--logits", "1", "-o", &csv, "--snippet", "md"], &["no picture"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");
}

#[test]
fn targets() {
    let folder = tempfile::tempdir().unwrap();
    let missing = in_folder(&folder, "missing/out.json");
    let below = in_folder(&folder, "folder.json");
    std::fs::create_dir(&below).unwrap();
    for (command, name) in [
        (&["next", "吾輩は"][..], "out.json"),
        (&["trace", "吾輩は", "-n", "2"], "out.json"),
        (&["figure", "next-token", "吾輩は"], "out.json"),
        (&["dump", "吾輩は"], "out.json"),
    ] {
        let existing = in_folder(&folder, name);
        std::fs::write(&existing, "old").unwrap();
        refused(&[command, &["-o", &existing]].concat(), &[&existing, "already exists", "--force"]);
        assert_eq!(std::fs::read_to_string(&existing).unwrap(), "old");
        refused(&[command, &["-o", &below, "--force"]].concat(), &[&below, "folder"]);
        refused(&[command, &["-o", &missing]].concat(), &["missing", "folder"]);
        let ran = run(&[command, &["-o", &existing, "--force", "--device", "cpu"]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_ne!(std::fs::read(&existing).unwrap(), b"old");
    }
    assert!(!Path::new(&missing).exists());
}

#[test]
fn one_bad_target_leaves_the_others_unwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (in_folder(&folder, "good.svg"), in_folder(&folder, "no/bad.png"));
    refused(&["figure", "next-token", "吾輩は", "-o", &good, "-o", &bad], &["bad.png"]);
    assert!(!Path::new(&good).exists());
}

#[test]
fn models_and_devices() {
    refused(&["next", "吾輩は", "--model", "no-such-model"], &["no-such-model", "config.json", "because: "]);
    refused(&["next", "吾輩は", "--model", "no\u{1b}[31m-model"], &["no<1B>[31m-model"]);
    refused(&["next", "吾輩は", "--model", &tiny_model()], &["gpt2-tiny", "tokenizer.json", "--ids"]);
    refused(&["next", "吾輩は", "--device", "no-such-device"], &["no-such-device", "cpu"]);
    refused(&["next", "吾輩は", "--device", "99"], &["99"]);
}

#[test]
fn usage() {
    refused(&["draw"], &["draw"]);
    refused(&["next", "吾輩は", "--no-such-flag"], &["--no-such-flag"]);
    refused(&["next", "吾輩は", "もう"], &["もう"]);
    refused(&["next", "吾輩は", "--format", "xml"], &["xml", "json"]);
    refused(&["dump", "吾輩は", "--capture", "dreams", "-o", "x"], &["dreams", "attentions"]);
}

#[test]
#[cfg(unix)]
fn an_argument_that_is_no_text() {
    use std::os::unix::ffi::OsStrExt;
    let ran = crate::finish(crate::program().arg("next").arg(std::ffi::OsStr::from_bytes(b"\xFF")));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
}

/// A loaded model's configuration is read once, so a warning about it appears once.
#[test]
fn a_configuration_is_warned_of_once() {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new("tests/goldens/gpt2-tiny");
    std::fs::copy(golden.join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    let config = std::fs::read_to_string(golden.join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["eos_token_id"] = 50_256.into();
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let model = folder.path().to_str().unwrap();
    let args = ["next", "--ids", "1,2", "--model", model];
    let ran = run(&[&args[..], &["--device", "cpu"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("50256 is past the vocabulary").count(), 1, "{}", ran.stderr);
}
