//! Tests scores, and the figures and comparisons of the model's inside.

use std::path::Path;

use sukashi::trace::{Attention, Lens, Record, Score};

use crate::{cpu, goldens, in_folder, joined, read_ids, run, succeed};

#[test]
fn a_score_is_printed_in_every_form() {
    let text = cpu(&["score", "吾輩は猫である"]);
    assert!(text.contains("perplexity") && text.contains("bits per character (6 characters)"), "{text}");
    assert!(cpu(&["score", "吾輩は猫である", "--lang", "ja"]).contains("1 文字あたり"));
    let score = Score::from_json(&cpu(&["score", "吾輩は猫である", "--format", "json"])).unwrap();
    assert_eq!((score.tokens.len(), score.text.as_deref()), (7, Some("吾輩は猫である")));
    let lines = Score::from_jsonl(&cpu(&["score", "吾輩は猫である", "--format", "jsonl"])).unwrap();
    assert_eq!(lines, score);
    let csv = cpu(&["score", "吾輩は猫である", "--format", "csv"]);
    for (row, token) in csv::Reader::from_reader(csv.as_bytes()).records().zip(&score.tokens) {
        let row = row.unwrap();
        assert_eq!(row[3].parse().ok(), token.prediction.map(|prediction| prediction.prob));
        assert_eq!(row[5].parse().ok(), token.prediction.map(|prediction| prediction.rank));
    }
    assert!(cpu(&["score", "a|b", "--allow-unknown", "--format", "md"]).contains("| position | token |"));
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "score.json");
    assert_eq!(cpu(&["score", "吾輩は猫である", "-o", &path]), "");
    assert_eq!(Score::from_json(&std::fs::read_to_string(path).unwrap()).unwrap(), score);
}

#[test]
fn a_part_that_is_left_out_changes_the_numbers() {
    let score = |flags: &[&str]| {
        let json = cpu(&[&["score", "吾輩は猫である", "--format", "json"][..], flags].concat());
        Score::from_json(&json).unwrap()
    };
    let (whole, without) =
        (score(&[]), score(&["--zero-mlp", "2", "--zero-head", "0.1", "--zero-head", "3.5"]));
    assert_eq!(without.model.left_out, ["head 0.1", "head 3.5", "mlp 2"]);
    assert_ne!(whole.totals.log_prob, without.totals.log_prob);
    let next = cpu(&["next", "吾輩は", "--zero-mlp", "0", "--format", "json"]);
    assert!(next.contains("\"mlp 0\""), "{next}");

    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "compare.svg");
    cpu(&["figure", "next-token", "吾輩は", "--zero-head", "3.2", "--text-mode", "text", "-o", &path]);
    let svg = std::fs::read_to_string(&path).unwrap();
    assert!(svg.contains("whole model") && svg.contains("without head 3.2"), "{svg}");
}

#[test]
fn figures_of_the_inside_are_the_same_from_their_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| in_folder(&folder, name);
    let text = "吾輩は猫である";
    cpu(&["score", text, "-o", &path("tokens.json")]);
    cpu(&["score", text, "-o", &path("tokens.jsonl")]);
    cpu(&["figure", "tokens", text, "--by", "rank", "--show-ids", "-o", &path("tokens.svg")]);
    for record in ["tokens.json", "tokens.jsonl"] {
        let from = path(record);
        succeed(&[
            "figure",
            "tokens",
            "--from",
            &from,
            "--by",
            "rank",
            "--show-ids",
            "--force",
            "-o",
            &path("t.svg"),
        ]);
        assert_eq!(std::fs::read(path("t.svg")).unwrap(), std::fs::read(path("tokens.svg")).unwrap());
    }
    for (name, flags) in [
        ("attention", &["--layer", "2"][..]),
        ("attention", &["--layer", "2", "--head", "1"]),
        ("attention", &["--layer", "2", "--head", "1", "--query", "3"]),
        ("lens", &["--metric", "kl"]),
    ] {
        let (record, own, drawn) = (path("record.json"), path("own.svg"), path("drawn.svg"));
        let outputs = ["--record", &record, "-o", &own, "--force"];
        cpu(&[&["figure", name, text][..], flags, &outputs].concat());
        succeed(&[&["figure", name, "--from", &record, "-o", &drawn, "--force"][..], flags].concat());
        assert_eq!(std::fs::read(own).unwrap(), std::fs::read(drawn).unwrap(), "{name} {flags:?}");
        let json = std::fs::read_to_string(record).unwrap();
        match name {
            "attention" => assert_eq!(Attention::from_json(&json).unwrap().num_layers, 6),
            _ => assert_eq!(Lens::from_json(&json).unwrap().layers.len(), 7),
        }
    }
    let some = path("some.csv");
    cpu(&["figure", "lens", text, "--positions", "0,5-6", "-o", &some]);
    assert_eq!(std::fs::read_to_string(some).unwrap().lines().count(), 1 + 7 * 3);
}

#[test]
fn ids_do_where_there_is_no_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["gemma3-tiny", "gpt2-tiny"] {
        let ids = joined(&read_ids(&goldens(model).join("golden.safetensors"), "input_ids"));
        let model = goldens(model);
        let model = model.to_str().unwrap();
        for kind in ["tokens", "attention", "lens"] {
            let path = in_folder(&folder, &format!("{kind}.png"));
            cpu(&["figure", kind, "--ids", &ids, "--model", model, "--force", "-o", &path]);
            assert!(std::fs::read(path).unwrap().starts_with(b"\x89PNG"));
        }
        assert!(cpu(&["score", "--ids", &ids, "--model", model]).contains("perplexity"));
    }
}

#[test]
fn what_is_past_the_model_or_the_text_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "figure.svg");
    let long = "あ".repeat(257);
    let record = in_folder(&folder, "next.json");
    cpu(&["next", "吾輩は", "-o", &record]);
    for (args, expected) in [
        (&["attention", "猫である", "--layer", "6"][..], "expected 0 to 5"),
        (&["attention", "猫である", "--head", "6"], "expected 0 to 5"),
        (&["attention", "猫である", "--query", "4"], "expected 0 to 3"),
        (&["attention", ""], "empty"),
        (&["lens", ""], "empty"),
        (&["tokens", ""], "empty"),
        (&["lens", &long], "expected at most 256"),
        (&["tokens", &long], "expected at most 256"),
        (&["attention", &long], "expected at most 256"),
        (&["lens", "猫である", "--positions", "4"], "from 0 to 3"),
        (&["lens", "猫である", "--positions", "x"], "0,5-9"),
        (&["lens", "猫である", "--zero-head", "0.9"], "no head 9"),
        (&["next-token", "吾輩は", "--zero-head", "0.9"], "no head 9"),
        (&["next-token", "吾輩は", "--names", "a,b"], "--names"),
        (&["next-token", "吾輩は", "猫", "--zero-mlp", "0"], "one prompt"),
        (&["tokens", "--from", &record], "sukashi.trace/1"),
        (&["attention", "--from", &record], "sukashi.attention/1"),
        (&["lens", "--from", &record], "sukashi.lens/1"),
    ] {
        let ran = run(&[&["figure"], args, &["-o", &path]].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{args:?}: {}", ran.stderr);
        assert!(!Path::new(&path).exists());
    }
    for text in ["", &long] {
        assert_eq!(run(&["score", text]).code, Some(2));
    }
}
