//! Tests `sukashi bench` and `sukashi tune`.

use crate::bad_input::refused;
use crate::{cpu, finish, has_adapter, program};

#[test]
fn a_report_has_rates_and_a_roofline() {
    let few = ["bench", "--prompt-tokens", "5", "--new-tokens", "3", "--runs", "2"];
    let report: serde_json::Value =
        serde_json::from_str(&cpu(&[&few[..], &["--format", "json", "--profile"]].concat())).unwrap();
    assert_eq!(report["schema"], "sukashi.bench/2");
    assert_eq!(
        (&report["prompt_tokens"], &report["new_tokens"], &report["runs"]),
        (&5.into(), &3.into(), &2.into())
    );
    for number in [
        &report["load_ms"],
        &report["first_token_ms"]["median"],
        &report["prefill_tokens_per_second"]["min"],
        &report["decode_tokens_per_second"]["max"],
        &report["rates"]["read_bytes"],
        &report["rates"]["f32_multiply_adds"],
        &report["roofline"]["fraction"],
        &report["profile"][0]["ms"],
    ] {
        assert!(number.as_f64().unwrap() > 0.0, "{report}");
    }
    // The head has 2948 x 192 weights, and there are six layers. All weights are in f16.
    let weights = 192 * (2948 + 6 * (3 * 192 + 192 + 2 * 768));
    assert_eq!(report["cost"]["weight_bytes"], 2 * weights);
    assert_eq!(report["cost"]["multiply_adds"], weights);
    let shares: f64 =
        report["profile"].as_array().unwrap().iter().map(|row| row["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");

    assert_eq!(report["choices"]["fusion"], "none");
    assert_eq!(report["choices"]["prefill"], serde_json::json!(["gemm"]));

    let text = cpu(&[&few[..], &["--lang", "en", "--profile"]].concat());
    for part in
        ["soseki-mini", "the CPU has one way", "of the roofline", "bound by", "tokens/s", "GB/s", "kernel"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert!(cpu(&[&few[..], &["--lang", "ja"]].concat()).contains("ルーフライン"));
}

#[test]
fn a_shared_report_is_markdown_with_the_errors_of_every_kernel() {
    let report = cpu(&[
        "bench",
        "--prompt-tokens",
        "5",
        "--new-tokens",
        "3",
        "--runs",
        "2",
        "--share",
        "--lang",
        "ja",
    ]);
    let tables: Vec<Vec<&str>> = report.split("\n\n").map(|table| table.trim().lines().collect()).collect();
    assert_eq!(tables.len(), 3, "{report}");
    for table in &tables {
        let num_cells = |line: &&str| line.replace("\\|", "").matches('|').count();
        assert!(table.iter().all(|line| num_cells(line) == num_cells(&table[0])), "{report}");
    }
    for part in
        ["| sukashi | 0.", "soseki-mini", "| decode | ", "agrees with the CPU twins | all ", "| gemv | "]
    {
        assert!(report.contains(part), "{part}: {report}");
    }
    let home = std::env::var("HOME").unwrap();
    assert!(!report.contains(&home), "{report}");
    refused(&["bench", "--share", "--format", "json"], &["--share", "--format"]);
}

#[test]
fn texts_are_also_measured_together() {
    let few = ["bench", "--prompt-tokens", "5", "--new-tokens", "3", "--runs", "2", "--batch", "3"];
    let report: serde_json::Value =
        serde_json::from_str(&cpu(&[&few[..], &["--format", "json"]].concat())).unwrap();
    let together = &report["together"];
    assert_eq!(together["texts"], 3);
    let rates = (&together["decode_tokens_per_second"], &report["decode_tokens_per_second"]["median"]);
    let gain = rates.0["median"].as_f64().unwrap() / rates.1.as_f64().unwrap();
    assert!((together["gain"].as_f64().unwrap() - gain).abs() < 1e-9, "{report}");
    let text = cpu(&[&few[..], &["--lang", "en"]].concat());
    assert!(text.contains("decode together") && text.contains("3 texts"), "{text}");
    assert!(cpu(&[&few[..], &["--lang", "ja"]].concat()).contains("3 本"));
}

#[test]
fn what_cannot_be_measured_is_refused() {
    refused(&["bench", "--batch", "0", "--device", "cpu"], &["--batch 0", "1 or more"]);
    refused(&["bench", "--batch", "65", "--device", "cpu"], &["texts = 65", "at most 64"]);
    refused(&["bench", "--runs", "0", "--device", "cpu"], &["--runs 0", "1 or more"]);
    refused(&["bench", "--new-tokens", "0", "--device", "cpu"], &["--new-tokens 0"]);
    refused(&["bench", "--prompt-tokens", "250", "--device", "cpu"], &["found 314 tokens", "at most 256"]);
    refused(&["bench", "--synthetic", "gpt-5:f16"], &["gpt-5", "gemma-3-1b"]);
    refused(&["bench", "--synthetic", "gemma-3-1b:q3_k"], &["q3_k", "q4_k"]);
    refused(&["bench", "--synthetic", "gemma-3-1b", "--model", "x"], &["--synthetic", "--model"]);
    refused(&["tune", "--device", "cpu"], &["cannot tune the CPU"]);
}

#[test]
fn a_forced_shape_is_read_and_checked() {
    let ran = finish(program().args(["verify", "--device", "cpu"]).env("SUKASHI_VARIANT", "gemv:63x1x1"));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("gemv:63x1x1") && ran.stderr.contains("a power of two"), "{}", ran.stderr);
    let ran = finish(program().args(["verify", "--device", "cpu"]).env("SUKASHI_VARIANT", "prefill:gemv"));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("expected one of: gemm, gemm_rows, gemm_shared"), "{}", ran.stderr);
}

#[test]
fn what_tuning_found_is_kept_and_a_damaged_file_is_replaced() {
    if !has_adapter() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let run = || {
        let ran = finish(
            program()
                .args([
                    "bench",
                    "--synthetic",
                    "gemma-3-270m:q4_0",
                    "--prompt-tokens",
                    "1",
                    "--new-tokens",
                    "1",
                ])
                .args(["--runs", "1", "--device", "0"])
                .env("XDG_CACHE_HOME", cache.path()),
        );
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stderr
    };
    let kept = || {
        let mut files = cache.path().join("sukashi/tuning").read_dir().unwrap();
        let path = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none(), "one file for a device");
        path
    };
    assert_eq!(run(), "");
    let first = std::fs::read_to_string(kept()).unwrap();
    assert!(first.contains("sukashi.tuning/4") && first.contains("gemv"), "{first}");
    std::fs::write(kept(), &first[..first.len() / 2]).unwrap();
    assert!(run().contains("cannot use the stored tuning"));
    assert!(std::fs::read_to_string(kept()).unwrap().contains("sukashi.tuning/4"));
}
