//! Tests `--bigram`, which counts pairs instead of running a model.

use std::fs;

use sukashi::Trace;

use crate::{in_folder, run, succeed};

const LEARNT: &str = "the cat sat on the mat. the cat ran. a dog sat on the cat.\n";

fn trace(args: &[&str]) -> Trace {
    Trace::from_json(&succeed(&[args, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn probabilities_are_shares_of_the_counts() {
    let folder = tempfile::tempdir().unwrap();
    let text = in_folder(&folder, "learnt.txt");
    fs::write(&text, LEARNT).unwrap();
    let next = trace(&["next", "the cat", "--bigram", &text, "--bigram-unit", "word"]);
    assert_eq!((next.model.family.as_str(), next.model.name.as_str()), ("bigram", "bigram (learnt.txt)"));
    let mut after_cat: Vec<(String, f64)> = next.steps[0]
        .candidates
        .iter()
        .map(|candidate| (candidate.text.clone().unwrap(), candidate.prob))
        .collect();
    after_cat.sort_by(|a, b| a.0.cmp(&b.0));
    let third = 1.0 / 3.0;
    for ((text, prob), want) in after_cat.iter().zip([" ran", " sat", "."]) {
        assert_eq!(text, want);
        assert!((prob - third).abs() < 1e-6, "{text}: {prob}");
    }
    assert_eq!(after_cat.len(), 3, "what was never seen is impossible");

    // Counts characters: how many of the t are followed by an h.
    let next = trace(&["next", "t", "--bigram", &text]);
    let (pairs, whole) = (LEARNT.matches("th").count(), LEARNT.matches('t').count());
    let h = next.steps[0].candidates.iter().find(|candidate| candidate.text.as_deref() == Some("h")).unwrap();
    assert!((h.prob - pairs as f64 / whole as f64).abs() < 1e-6, "{}", h.prob);
}

#[test]
fn a_seed_repeats_and_figures_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let [text, a, b, both, steps] =
        ["learnt.txt", "a.json", "b.json", "both.svg", "steps.svg"].map(|name| in_folder(&folder, name));
    fs::write(&text, LEARNT).unwrap();
    let run_once = || trace(&["trace", "the", "--bigram", &text, "-n", "8", "--seed", "3"]);
    assert_eq!(run_once(), run_once());
    assert_eq!(run_once().steps.len(), 8);
    succeed(&["figure", "trace", "the", "--bigram", &text, "-n", "3", "-o", &steps]);
    // The figure has another model's distribution for the same prompt beside it.
    for (unit, path) in [("char", &a), ("word", &b)] {
        succeed(&["next", "the", "--bigram", &text, "--bigram-unit", unit, "-o", path]);
    }
    succeed(&["figure", "next-token", "--from", &a, "--from", &b, "-o", &both]);
    succeed(&["figure", "next-token", "the", "cat", "--bigram", &text, "-o", &both, "--force"]);
}

#[test]
fn generate_writes_the_text_of_trace() {
    let folder = tempfile::tempdir().unwrap();
    let text = in_folder(&folder, "learnt.txt");
    fs::write(&text, LEARNT).unwrap();
    let flags = ["the", "--bigram", &text, "--bigram-unit", "word", "-n", "8", "--seed", "3"];
    let written = succeed(&[&["generate"], &flags[..]].concat());
    let traced = trace(&[&["trace"], &flags[..]].concat());
    assert_eq!(written, format!("{}\n", traced.text.unwrap()));
    let stopped = succeed(&["generate", "the", "--bigram", &text, "--greedy", "-n", "50", "--stop", "."]);
    assert!(stopped.starts_with("the") && !stopped.contains('.'), "{stopped}");
    let ran = run(&[&["generate"], &flags[..], &["--stats", "--no-echo"]].concat());
    assert!(written.ends_with(&ran.stdout) && ran.stderr.contains("8 tokens"), "{ran:?}");
}

#[test]
fn lowercase_folds_the_text_and_the_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let text = in_folder(&folder, "learnt.txt");
    fs::write(&text, "ChatGPT is a model. I ask chatgpt what ChatGPT is.").unwrap();
    let after = |prompt: &str, flags: &[&str]| {
        let command = ["next", prompt, "--bigram", &text, "--bigram-unit", "word"];
        let step = trace(&[&command, flags].concat()).steps.remove(0);
        step.candidates.into_iter().map(|candidate| candidate.text.unwrap()).collect::<Vec<_>>()
    };
    // The text has ` chatgpt` three times, twice as ChatGPT.
    assert_eq!(after(" I ask chatgpt", &["--lowercase"]), [" is", " what"]);
    assert_eq!(after(" I ask ChatGPT", &["--lowercase"]), [" is", " what"]);
    assert_eq!(after(" I ask chatgpt", &[]), [" what"]);
    // `--unit` is the old name of --bigram-unit.
    let old = ["next", " I ask chatgpt", "--bigram", &text, "--unit", "word", "--format", "json"];
    assert_eq!(Trace::from_json(&succeed(&old)).unwrap().steps[0].candidates.len(), 1);
    let ran = run(&["next", "a", "--lowercase"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("--bigram"), "{}", ran.stderr);
}

#[test]
fn bad_input_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let [text, short] = ["learnt.txt", "short.txt"].map(|name| in_folder(&folder, name));
    fs::write(&text, LEARNT).unwrap();
    fs::write(&short, "a").unwrap();
    let missing = in_folder(&folder, "none.txt");
    for (args, part) in [
        (&["next", "a", "--bigram", &missing][..], "none.txt"),
        (&["next", "a", "--bigram", &short], "found 1 tokens"),
        (&["next", "猫", "--bigram", &text], "'猫'"),
        (&["next", "", "--bigram", &text], "empty"),
        (&["next", "--bigram", &text], "no prompt"),
        (&["next", "--ids", "999", "--bigram", &text], "999"),
        (&["next", "a", "--bigram-unit", "word"], "--bigram"),
        (&["next", "a", "--bigram", &text, "--model", "x"], "--model"),
        (&["score", "a", "--bigram", &text], "cannot use --bigram here"),
        (&["dump", "a", "--bigram", &text, "-o", "x.safetensors"], "cannot use --bigram here"),
    ] {
        let ran = run(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{args:?}: no {part} in {}", ran.stderr);
    }
}
