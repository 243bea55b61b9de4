//! Tests `sukashi next`.

use sukashi::Trace;

use crate::{cpu, cpu_trace, has_adapter, in_folder, on_adapter, run, run_with_input, tiny_model};

#[test]
fn the_table_shows_the_record() {
    let table = cpu(&["next", "吾輩は", "--top", "3"]);
    let trace = cpu_trace(&["next", "吾輩は", "--top", "3"]);
    let step = &trace.steps[0];
    assert_eq!(step.candidates.len(), 3);
    assert!(step.chosen.is_none());
    for candidate in &step.candidates {
        let id = candidate.id.to_string();
        let line = table.lines().find(|line| line.split_whitespace().nth(1) == Some(&id)).unwrap();
        assert!(line.contains(candidate.text.as_deref().unwrap()), "{line}");
        assert!(line.contains(&sukashi::figure::percent(candidate.prob)), "{line}");
        assert!(line.contains('█'), "{line}");
    }
    assert!(table.contains("2,945 others") && table.contains(&format!("{:.2} bits", step.entropy_bits)));
    // The sampler does not change the distribution, so there is one column of probabilities.
    assert!(!table.contains("final"));
    assert_eq!(trace.text.as_deref(), Some("吾輩は"));
    assert!(!step.temperatures.is_empty(), "a figure of temperatures needs them");
}

#[test]
fn what_the_sampler_changes_stands_beside() {
    let flags = ["next", "吾輩は", "--temperature", "0.5", "--top-k", "2", "--top", "3"];
    let table = cpu(&flags);
    assert!(table.contains("scaled") && table.contains("final"), "{table}");
    let step = cpu_trace(&flags).steps.remove(0);
    let last: Vec<f64> = step.candidates.iter().map(|candidate| candidate.prob_final).collect();
    assert!((last[0] + last[1] - 1.0).abs() < 1e-9 && last[2] == 0.0);
    assert!(step.candidates[0].prob_scaled > step.candidates[0].prob);
}

#[test]
fn every_line_of_a_table_is_aligned() {
    use unicode_width::UnicodeWidthStr;
    for lang in ["ja", "en"] {
        let table = cpu(&["next", "吾輩は", "--lang", lang, "--temperature", "0.5"]);
        let ends: Vec<usize> =
            table.lines().filter_map(|line| Some(line[..line.rfind('%')?].width())).collect();
        assert_eq!(ends.len(), 11);
        assert!(ends.iter().all(|end| *end == ends[0]), "{table}");
        assert!(table.lines().all(|line| line.width() <= 80), "{table}");
    }
}

#[test]
fn ids_and_text_are_the_same_prompt() {
    let trace = cpu_trace(&["next", "吾輩は"]);
    let ids: Vec<u32> = trace.prompt.tokens.iter().map(|token| token.id).collect();
    assert_eq!(cpu_trace(&["next", "--ids", &crate::joined(&ids)]), trace);
}

#[test]
fn the_standard_input_is_a_prompt() {
    let wanted = cpu(&["next", "吾輩は"]);
    for input in ["吾輩は", "吾輩は\n", "吾輩は\r\n"] {
        let ran = run_with_input(&["next", "-", "--device", "cpu"], input.as_bytes());
        assert_eq!((ran.code, ran.stdout), (Some(0), wanted.clone()));
    }
    let ran = run_with_input(&["next", "-", "--device", "cpu"], b"\xFF");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("standard input") && ran.stderr.contains("because: "), "{}", ran.stderr);
}

#[test]
fn a_model_without_tokenizer_has_ids() {
    let model = tiny_model();
    let args = ["next", "--model", &model, "--ids", "1,2,3", "--top", "2"];
    let table = cpu(&args);
    assert!(table.starts_with("“#1 #2 #3”: the next token"), "{table}");
    let trace = cpu_trace(&args);
    assert_eq!((trace.text, trace.prompt.text), (None, None));
    assert!(trace.steps[0].candidates.iter().all(|candidate| candidate.text.is_none()));
    assert!(table.contains(&format!("#{}", trace.steps[0].candidates[0].id)));
    assert_eq!(trace.model.name, "gpt2-tiny");
}

#[test]
fn all_formats_hold_the_same() {
    let json = cpu_trace(&["next", "吾輩は"]);
    let jsonl = cpu(&["next", "吾輩は", "--format", "jsonl"]);
    assert_eq!(Trace::from_jsonl(&jsonl).unwrap(), json);
    assert_eq!(cpu(&["next", "吾輩は", "--format", "csv"]), json.to_csv().unwrap());
    assert_eq!(cpu(&["next", "吾輩は", "--format", "md"]), json.to_markdown().unwrap());
}

#[test]
fn the_extension_decides_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let json = cpu(&["next", "吾輩は", "--format", "json"]);
    for (name, wanted) in [
        ("a.json", json.clone()),
        ("a.csv", cpu(&["next", "吾輩は", "--format", "csv"])),
        ("a.txt", cpu(&["next", "吾輩は"])),
    ] {
        let path = in_folder(&folder, name);
        assert_eq!(cpu(&["next", "吾輩は", "-o", &path]), "");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), wanted);
    }
    let path = in_folder(&folder, "b.csv");
    cpu(&["next", "吾輩は", "-o", &path, "--format", "json"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), json);
}

#[test]
fn auto_takes_hardware_or_says_that_it_takes_the_cpu() {
    let ran = run(&["next", "吾輩は", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let trace = Trace::from_json(&ran.stdout).unwrap();
    assert_ne!(trace.adapter.kind, "software");
    let is_cpu = trace.adapter.kind == "cpu";
    assert_eq!(ran.stderr.lines().count(), usize::from(is_cpu), "{}", ran.stderr);
    for part in ["no GPU", "the CPU", "--device", "sukashi adapters"] {
        assert!(!is_cpu || ran.stderr.contains(part), "{}", ran.stderr);
    }
}

#[test]
fn an_adapter_gives_the_numbers_of_the_cpu() {
    if !has_adapter() {
        return;
    }
    let args = ["next", "吾輩は", "--format", "json"];
    let [adapter, cpu] = [on_adapter(&args), cpu(&args)].map(|json| Trace::from_json(&json).unwrap());
    assert_ne!(adapter.adapter.kind, "cpu");
    for (gpu, cpu) in adapter.steps[0].candidates.iter().zip(&cpu.steps[0].candidates) {
        assert!((gpu.prob - cpu.prob).abs() < 1e-4, "{gpu:?} and {cpu:?}");
    }
}

#[test]
fn unknown_characters_go_through_where_allowed() {
    let trace = cpu_trace(&["next", "鷗", "--allow-unknown"]);
    assert_eq!(trace.prompt.text.as_deref(), Some("鷗"));
    assert_eq!(trace.prompt.tokens[0].id, 0);
}
