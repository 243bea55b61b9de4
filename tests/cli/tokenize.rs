//! Tests `sukashi tokenize`, and the figures of tokenizers.

use std::fs;

use serde_json::Value;
use sukashi::text::{EncodeOptions, Tokenizer};

use crate::{in_folder, run, run_with_input, succeed, tiny_model};

const LEARNT: &str =
    "low lower\nlow lower\nlower lowest\nlower newer wider\n吾輩は猫である。\n吾輩は犬である。\n";

#[test]
fn the_tokens_of_the_embedded_model() {
    let shown = succeed(&["tokenize", "吾輩は猫", "--lang", "ja"]);
    for part in [
        "「吾輩は猫」",
        "4 文字 · UTF-8 で 12 バイト = 96 ビット",
        "E7 8C AB",
        "soseki-mini",
        "2,948",
        "2.00",
    ] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    let json: Value = serde_json::from_str(&succeed(&["tokenize", "吾輩は猫", "--format", "json"])).unwrap();
    let entry = &json["tokenizers"][0];
    assert_eq!((&entry["cost"]["bits"], &entry["cost"]["ratio"]), (&Value::from(48), &Value::from(2.0)));
    assert_eq!(entry["pieces"][3]["text"], "猫");
    let csv = succeed(&["tokenize", "吾輩は猫", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 5);
    assert!(csv.contains(",猫,E7 8C AB,"), "{csv}");
    let piped = run_with_input(&["tokenize", "-", "--format", "csv"], "吾輩は猫\n".as_bytes());
    assert_eq!(piped.stdout, csv);
}

#[test]
fn what_the_vocabulary_lacks_is_said() {
    let shown = succeed(&["tokenize", "猫🦀", "--bytes"]);
    assert!(
        shown.contains("* lost, as “soseki-mini” has no token for it (1 in all, 1 different): 🦀"),
        "{shown}"
    );
    assert!(shown.contains("<F0>|<9F>|<A6>|<80>|"), "{shown}");
    let json: Value = serde_json::from_str(&succeed(&["tokenize", "猫🦀", "--format", "json"])).unwrap();
    assert_eq!(json["tokenizers"][0]["pieces"][1]["replaces"], "🦀");
}

#[test]
fn a_trained_tokenizer_is_written_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let [text, plain, bytes] =
        ["learnt.txt", "plain.json", "bytes.json"].map(|name| in_folder(&folder, name));
    fs::write(&text, LEARNT).unwrap();
    let shown = succeed(&["tokenize", "--train", &text, "--vocab-size", "60", "-o", &plain]);
    for part in ["learnt.txt", "bytes", "characters", "BPE (characters)", "ratio"] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    succeed(&[
        "tokenize",
        "--train",
        &text,
        "--kind",
        "byte-bpe",
        "--vocab-size",
        "300",
        "--special-token",
        "<end>",
        "-o",
        &bytes,
    ]);
    let plain_tokenizer = Tokenizer::from_file(plain.as_ref()).unwrap();
    assert!(plain_tokenizer.vocab_size() <= 60);
    let ids = plain_tokenizer.encode("lower", EncodeOptions::default()).unwrap();
    assert_eq!((ids.len(), plain_tokenizer.decode(&ids).as_str()), (1, "lower"));
    let of_bytes = Tokenizer::from_file(bytes.as_ref()).unwrap();
    assert_eq!(
        of_bytes.decode(&of_bytes.encode("🦀 lower\n", EncodeOptions::default()).unwrap()),
        "🦀 lower\n"
    );
    assert_eq!(of_bytes.encode("<end>", EncodeOptions::default()).unwrap(), [0]);

    // Both tokenizers have the names of their files.
    let csv =
        succeed(&["tokenize", "lower", "--tokenizer", &plain, "--tokenizer", &bytes, "--format", "csv"]);
    assert!(csv.contains("\nplain,1,") && csv.contains("\nbytes,1,"), "{csv}");

    // The same text gives the same tokenizer.
    let again = in_folder(&folder, "again.json");
    succeed(&["tokenize", "--train", &text, "--vocab-size", "60", "-o", &again]);
    assert_eq!(fs::read(&plain).unwrap(), fs::read(&again).unwrap());

    let refused = run(&["tokenize", "--train", &text, "-o", &plain]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("plain.json"), "{}", refused.stderr);
    assert_eq!(fs::read(&plain).unwrap(), fs::read(&again).unwrap(), "left as it was");
}

#[test]
fn every_kind_can_be_trained() {
    let folder = tempfile::tempdir().unwrap();
    let text = in_folder(&folder, "learnt.txt");
    fs::write(&text, LEARNT).unwrap();
    for (kind, first) in [
        ("char", "l|o|w|"),
        ("byte", "l|o|w|"),
        ("word", "low|␣lower|"),
        ("char-bpe", "low|"),
        ("byte-bpe", "low|"),
    ] {
        let shown =
            succeed(&["tokenize", "low lower", "--train", &text, "--kind", kind, "--vocab-size", "300"]);
        assert!(shown.contains(first), "{kind}: {shown}");
    }
}

#[test]
fn figures_of_tokenizers() {
    let folder = tempfile::tempdir().unwrap();
    let [text, svg, png, csv] =
        ["learnt.txt", "a.svg", "a.png", "a.csv"].map(|name| in_folder(&folder, name));
    fs::write(&text, LEARNT).unwrap();
    succeed(&[
        "figure",
        "tokenizers",
        "lower 猫",
        "--train",
        &text,
        "--vocab-size",
        "60",
        "-o",
        &svg,
        "-o",
        &png,
    ]);
    assert!(fs::read_to_string(&svg).unwrap().contains("<title>“lower 猫” cut into tokens</title>"));
    succeed(&["figure", "bpe", "lower", "--train", &text, "--vocab-size", "60", "-o", &csv]);
    let rows = fs::read_to_string(&csv).unwrap();
    assert!(rows.lines().last().unwrap().contains("lower"), "{rows}");
    let refused = run(&["figure", "bpe", "lower", "-o", &csv, "--force"]);
    assert!(refused.stderr.contains("merges of 0 tokenizers"), "{}", refused.stderr);
}

#[test]
fn bad_input_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let [text, empty, latin] = ["learnt.txt", "empty.txt", "latin.txt"].map(|name| in_folder(&folder, name));
    fs::write(&text, LEARNT).unwrap();
    fs::write(&empty, "").unwrap();
    fs::write(&latin, b"caf\xE9").unwrap();
    let missing = in_folder(&folder, "none.txt");
    for (args, part) in [
        (&["tokenize"][..], "TEXT"),
        (&["tokenize", "a", "--kind", "char"], "--train"),
        (&["tokenize", "--train", &missing], "none.txt"),
        (&["tokenize", "--train", &empty], "empty"),
        (&["tokenize", "--train", &latin], "latin.txt: it is not UTF-8"),
        (&["tokenize", "--train", &text, "--vocab-size", "0"], "0 tokens"),
        (&["tokenize", "--train", &text, "--vocab-size", "99999999999"], "99999999999 tokens"),
        (&["tokenize", "--train", &text, "--kind", "byte-bpe", "--vocab-size", "255"], "256 to"),
        (&["tokenize", "--train", &text, "--special-token", "<unk>"], "special token"),
        (&["tokenize", "--train", &text, "--special-token", ""], "special token"),
        (&["tokenize", "a", "--model", &tiny_model()], "no tokenizer.json"),
        (&["tokenize", "a", "--tokenizer", &missing], "none.txt"),
        (&["tokenize", "a", "--tokenizer", &text], "not a valid tokenizer.json"),
        (&["figure", "bpe", "吾輩", "--train", &text, "--kind", "word", "-o", "a.svg"], "it is not a BPE"),
        (&["figure", "bpe", "🦀", "--train", &text, "-o", "a.svg"], "a character is not in the vocabulary"),
        (&["figure", "bpe", "", "--train", &text, "-o", "a.svg"], "0 characters"),
    ] {
        let ran = run(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{args:?}: no {part} in {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}
