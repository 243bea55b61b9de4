//! Tests `sukashi trace`.

use sukashi::Trace;
use unicode_width::UnicodeWidthStr;

use crate::{cpu, cpu_trace, in_folder, on_adapter};

#[test]
fn panels_show_the_record() {
    let args = ["trace", "吾輩は", "-n", "4", "--top", "3"];
    let (shown, trace) = (cpu(&args), cpu_trace(&args));
    assert_eq!(trace.steps.len(), 4);
    let mut text = "吾輩は".to_owned();
    for (index, step) in trace.steps.iter().enumerate() {
        let chosen = step.chosen.as_ref().unwrap();
        let heading = format!("{:>4}  {text}▸{}", index + 1, chosen.text.as_deref().unwrap());
        let at = shown.find(&heading).unwrap_or_else(|| panic!("no {heading:?} in {shown}"));
        let marked = shown[at..].lines().find(|line| line.starts_with('●')).unwrap();
        assert!(marked.contains(&sukashi::figure::percent(chosen.prob)), "{marked}");
        assert!(marked.contains(chosen.text.as_deref().unwrap()), "{marked}");
        text += chosen.text.as_deref().unwrap();
    }
    assert_eq!(trace.text.as_deref(), Some(text.as_str()));
    assert!(shown.ends_with(&format!("text\n{text}\n")), "{shown}");
    assert!(shown.lines().all(|line| line.width() <= 80), "{shown}");
}

#[test]
fn it_chooses_what_generate_chooses() {
    let text = cpu(&["generate", "吾輩は", "-n", "8", "--seed", "3"]);
    let trace = cpu_trace(&["trace", "吾輩は", "-n", "8", "--seed", "3"]);
    assert_eq!(trace.text.unwrap() + "\n", text);
    assert_eq!(trace.sampling.seed, 3);
}

#[test]
fn a_chosen_token_of_low_rank_is_listed() {
    let trace = cpu_trace(&["trace", "吾輩は", "-n", "1", "--top", "1", "--pick", "40"]);
    let ranks: Vec<usize> = trace.steps[0].candidates.iter().map(|candidate| candidate.rank).collect();
    assert_eq!(ranks, [1, 40]);
    let shown = cpu(&["trace", "吾輩は", "-n", "1", "--top", "1", "--pick", "40"]);
    assert!(shown.lines().any(|line| line.starts_with("● 40")), "{shown}");
}

#[test]
fn all_formats_hold_the_same() {
    let args = ["trace", "吾輩は", "-n", "3"];
    let trace = cpu_trace(&args);
    let with = |format: &str| cpu(&[&args[..], &["--format", format]].concat());
    assert_eq!(Trace::from_jsonl(&with("jsonl")).unwrap(), trace);
    assert_eq!(with("csv"), trace.to_csv().unwrap());
    assert_eq!(with("md"), trace.to_markdown().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "trace.txt");
    assert_eq!(cpu(&["trace", "吾輩は", "-n", "3", "-o", &path]), "");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), with("text"));
}

#[test]
fn headings_speak_the_language_of_the_locale() {
    let japanese = cpu(&["trace", "吾輩は", "-n", "1", "--lang", "ja"]);
    assert!(japanese.contains("ビット") && japanese.contains("全文"), "{japanese}");
    for (name, value, is_japanese) in
        [("LANG", "ja_JP.UTF-8", true), ("LC_ALL", "ja", true), ("LC_MESSAGES", "en_GB", false)]
    {
        let mut command = crate::program();
        command.args(["trace", "吾輩は", "-n", "1", "--device", "cpu"]).env(name, value);
        let shown = crate::finish(&mut command).stdout;
        assert_eq!(shown == japanese, is_japanese, "{name}={value}: {shown}");
    }
    let mut both = crate::program();
    both.args(["trace", "吾輩は", "-n", "1", "--device", "cpu"]).env("LC_ALL", "C").env("LANG", "ja_JP");
    assert!(!crate::finish(&mut both).stdout.contains("ビット"), "LC_ALL comes before LANG");
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_an_adapter() {
    if !crate::has_adapter() {
        return;
    }
    let args = ["trace", "吾輩は", "-n", "6", "--format", "json"];
    assert_eq!(on_adapter(&args), on_adapter(&args));
}
