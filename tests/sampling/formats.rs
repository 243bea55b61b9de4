//! JSON, JSON lines, CSV and Markdown.

use sukashi::sampling::{Choice, Sampler, Settings};
use sukashi::trace::{AdapterInfo, ModelInfo, Prompt, SCHEMA, StepRecorder, Token};
use sukashi::{ErrorKind, Trace};

const TEXTS: [&str; 5] = [" the", "a|`b`", "\n", "say \"so, then\"", "\u{fffd}"];

fn token(id: u32) -> Token {
    let text = TEXTS[id as usize];
    let bytes = if id == 4 { vec![0xe5, 0x90] } else { text.as_bytes().to_vec() };
    Token { id, text: Some(text.to_owned()), bytes: Some(bytes) }
}

fn trace() -> Trace {
    let settings =
        Settings { choice: Choice::Pick(4), temperature: 0.5, top_k: Some(4), ..Settings::default() };
    let mut sampler = Sampler::new(settings, 5).unwrap();
    let recorder = StepRecorder::new(3).with_temperatures([0.5, 2.0]).unwrap();
    let first = recorder.sample(&mut sampler, &[3.0, 1.5, 0.5, 0.0, -70.0], &[0, 1], token).unwrap();
    let second = recorder.look(&mut sampler, &[0.0, 0.0, 1.0, -70.0, 1.25], &[0, 1, 3], token).unwrap();
    Trace {
        schema: SCHEMA.to_owned(),
        version: "0.1.0".to_owned(),
        model: ModelInfo {
            name: "tiny_model".to_owned(),
            family: "gpt2".to_owned(),
            weights_sha256: "00ff".to_owned(),
            precision: "f32".to_owned(),
            left_out: Vec::new(),
        },
        adapter: AdapterInfo {
            name: "CPU".to_owned(),
            backend: "cpu".to_owned(),
            driver: String::new(),
            kind: "cpu".to_owned(),
        },
        sampling: sampler.settings().clone(),
        prompt: Prompt { text: Some("the\na".to_owned()), tokens: vec![token(0), token(1)] },
        steps: vec![first, second],
        text: None,
    }
}

#[test]
fn json_reads_back_to_the_last_bit() {
    let trace = trace();
    let json = trace.to_json().unwrap();
    assert!(json.starts_with("{\n  \"schema\": \"sukashi.trace/1\",\n"));
    assert!(json.ends_with("}\n"));
    assert_eq!(Trace::from_json(&json).unwrap(), trace);
}

#[test]
fn json_lines_read_back_to_the_last_bit() {
    let trace = trace();
    let jsonl = trace.to_jsonl().unwrap();
    let lines: Vec<&str> = jsonl.lines().collect();
    assert_eq!(lines.len(), 1 + trace.steps.len());
    assert!(lines[0].starts_with("{\"schema\":\"sukashi.trace/1\","));
    assert!(!lines[0].contains("\"steps\""));
    assert!(lines[1].starts_with("{\"position\":2,"));
    assert_eq!(Trace::from_jsonl(&jsonl).unwrap(), trace);
    assert_eq!(Trace::from_jsonl(&jsonl.replace('\n', "\r\n\r\n")).unwrap(), trace);
}

#[test]
fn unknown_fields_are_ignored() {
    let trace = trace();
    let json = trace.to_json().unwrap().replace("\"version\"", "\"later\": {\"x\": [1]}, \"version\"");
    let json = json.replace("\"rank\"", "\"colour\": 3, \"rank\"");
    assert_eq!(Trace::from_json(&json).unwrap(), trace);
    let jsonl = trace.to_jsonl().unwrap().replace("\"position\"", "\"later\":0,\"position\"");
    assert_eq!(Trace::from_jsonl(&jsonl).unwrap(), trace);
}

#[test]
fn csv_is_one_row_per_candidate() {
    let want = r##"step,position,rank,id,text,bytes_hex,logit,prob,prob_scaled,prob_final,chosen
1,2,1,0, the,20746865,3.0,0.7380061670529912,0.9442837038432109,0.9442837038432109,false
1,2,2,1,a|`b`,617c606260,1.5,0.16467143424506278,0.047013117321901735,0.047013117321901735,false
1,2,3,2,"
",0a,0.5,0.06057923520697361,0.006362533548595673,0.006362533548595673,false
1,2,4,3,"say ""so, then""",7361792022736f2c207468656e22,0.0,0.03674316349497249,0.00234064528629193,0.00234064528629193,true
2,3,1,4,�,e590,1.25,0.4252043488999938,0.5647481950543752,0.5647481950543752,false
2,3,2,2,"
",0a,1.0,0.33114947988868204,0.3425370953178492,0.3425370953178492,false
2,3,3,0, the,20746865,0.0,0.12182308560566212,0.046357354813887724,0.046357354813887724,false
"##;
    assert_eq!(trace().to_csv().unwrap(), want);
}

#[test]
fn markdown_is_one_table_per_step() {
    let want = r##"# tiny\_model

- model: gpt2, f32
- adapter: CPU (cpu)
- sampling: pick 4, temperature 0.5, top-k 4
- sukashi 0.1.0
- prompt: the↵a

## Step 1, position 2

Entropy 1.172 bits.

| rank | token | id | logit | prob | scaled | final | chosen |
|--:|:--|--:|--:|--:|--:|--:|:-:|
| 1 | ␣the | 0 | 3.0000 | 0.738006 | 0.944284 | 0.944284 |  |
| 2 | a\|\`b\` | 1 | 1.5000 | 0.164671 | 0.047013 | 0.047013 |  |
| 3 | ↵ | 2 | 0.5000 | 0.060579 | 0.006363 | 0.006363 |  |
| 4 | say␣"so,␣then" | 3 | 0.0000 | 0.036743 | 0.002341 | 0.002341 | ● |
|  | *others: 1* |  |  | 0.000000 |  |  |  |

## Step 2, position 3

Entropy 1.793 bits.

| rank | token | id | logit | prob | scaled | final | chosen |
|--:|:--|--:|--:|--:|--:|--:|:-:|
| 1 | � | 4 | 1.2500 | 0.425204 | 0.564748 | 0.564748 |  |
| 2 | ↵ | 2 | 1.0000 | 0.331149 | 0.342537 | 0.342537 |  |
| 3 | ␣the | 0 | 0.0000 | 0.121823 | 0.046357 | 0.046357 |  |
|  | *others: 2* |  |  | 0.121823 |  |  |  |
"##;
    assert_eq!(trace().to_markdown().unwrap(), want);
}

#[test]
fn tokens_without_text_leave_empty_cells() {
    let mut trace = trace();
    trace.prompt.text = None;
    for candidate in trace.steps.iter_mut().flat_map(|step| &mut step.candidates) {
        (candidate.text, candidate.bytes) = (None, None);
    }
    assert!(trace.to_csv().unwrap().contains("\n1,2,1,0,,,3.0,"));
    let markdown = trace.to_markdown().unwrap();
    assert!(markdown.contains("| 1 | — | 0 | 3.0000 |"));
    assert!(markdown.contains("- prompt: 2 tokens\n"));
    assert_eq!(Trace::from_json(&trace.to_json().unwrap()).unwrap(), trace);
}

#[track_caller]
fn refused(json: &str, message: &str) {
    let error = Trace::from_json(json).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().starts_with(message), "{error}");
}

#[test]
fn bad_json_says_what_is_wrong_and_where() {
    let json = trace().to_json().unwrap();
    refused("", "cannot read the trace as JSON\n  EOF while parsing");
    refused("{", "cannot read the trace as JSON\n  EOF while parsing");
    refused("{}", "cannot read the trace: it has no field `schema`\n  expected \"sukashi.trace/1\"");
    refused("17", "cannot read the trace as JSON\n  found 17, expected an object");
    refused(
        &json.replace("trace/1", "trace/2"),
        "cannot read a trace of schema \"sukashi.trace/2\"\n  this version reads \"sukashi.trace/1\"\n  hint: ",
    );
    refused(
        &json.replace("\"position\"", "\"pos\""),
        "cannot read the trace as JSON\n  the field position is missing at line",
    );
    refused(&json.replace("\"logit\": 3.0", "\"logit\": \"3\""), "cannot read the trace as JSON\n  found \"");
    refused(
        &json.replace("\"logit\": 3.0", "\"logit\": null"),
        "cannot read the trace as JSON\n  found null, expected",
    );
    refused(
        &json.replace("\"logit\": 3.0", "\"logit\": 1e400"),
        "cannot read the trace as JSON\n  number out of range",
    );
    refused(
        &json.replace("\"logit\": 3.0", "\"logit\": 1e39"),
        "cannot read the trace as JSON\n  number out of range",
    );
    refused(&json[..json.len() / 2], "cannot read the trace as JSON\n  EOF while parsing");
    refused(&format!("{json}x"), "cannot read the trace as JSON\n  trailing characters");
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    refused(&deep, "cannot read the trace as JSON\n  ");
    let deep_steps = json.replace("\"steps\": [", &format!("\"steps\": [{},", deep));
    refused(&deep_steps, "cannot read the trace as JSON\n  ");
    // In a field that is not one of the record's, nesting is harmless.
    let deep_unknown = json.replacen('{', &format!("{{\"later\": {deep},"), 1);
    assert!(Trace::from_json(&deep_unknown).is_ok());
}

#[test]
fn values_out_of_range_are_refused_by_reader_and_writer() {
    type Change = fn(&mut Trace);
    let changes: [(Change, &str); 17] = [
        (
            |t| t.steps[0].candidates[1].prob = 1.5,
            "steps[0].candidates[1].prob is 1.5\n  expected a probability",
        ),
        (|t| t.steps[0].candidates[1].prob_scaled = -0.1, "steps[0].candidates[1].prob_scaled is -0.1\n"),
        (|t| t.steps[0].candidates[1].prob_final = f64::NAN, "steps[0].candidates[1].prob_final is NaN\n"),
        (|t| t.steps[1].candidates[0].logit = f32::INFINITY, "steps[1].candidates[0].logit is inf\n"),
        (
            |t| t.steps[1].candidates[0].id = 5,
            "steps[1].candidates[0].id is 5\n  expected an id below vocab_size, 5",
        ),
        (|t| t.steps[1].candidates[0].rank = 0, "steps[1].candidates[0].rank is 0\n"),
        (|t| t.steps[1].candidates[2].rank = 6, "steps[1].candidates[2].rank is 6\n"),
        (|t| t.steps[1].candidates.swap(0, 1), "steps[1].candidates[1].rank is 1\n"),
        (|t| t.steps[1].candidates[0].id = 2, "steps[1].candidates[1].id is 2\n  expected an id listed once"),
        (|t| t.steps[1].other_prob += 0.01, "steps[1].other_prob is 0."),
        (|t| t.steps[1].entropy_bits = -1.0, "steps[1].entropy_bits is -1\n"),
        (|t| t.steps[0].temperatures[1].temperature = 0.0, "steps[0].temperatures[1].temperature is 0\n"),
        (
            |t| t.steps[0].temperatures[1].log_sum_exp = f64::NAN,
            "steps[0].temperatures[1].log_sum_exp is NaN\n",
        ),
        (|t| t.steps[0].chosen.as_mut().unwrap().prob = 2.0, "steps[0].chosen.prob is 2\n"),
        (
            |t| t.steps[0].chosen.as_mut().unwrap().id = 4,
            "steps[0].chosen.id is 4\n  expected the id of one of",
        ),
        (|t| t.sampling.top_p = Some(7.0), "top_p = 7\n"),
        (|t| t.schema = "other".to_owned(), "schema \"other\"\n"),
    ];
    for (change, message) in changes {
        let mut trace = trace();
        change(&mut trace);
        let json = serde_json::to_string(&trace).unwrap();
        let mut errors = vec![
            trace.to_json().unwrap_err(),
            trace.to_jsonl().unwrap_err(),
            trace.to_csv().unwrap_err(),
            trace.to_markdown().unwrap_err(),
        ];
        // JSON cannot write a number that is not finite.
        if !message.contains("NaN") && !message.contains("inf") {
            errors.push(Trace::from_json(&json).unwrap_err());
        }
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(error.to_string().contains(message), "want {message:?} in {error}");
        }
    }
}

#[test]
fn bad_json_lines_name_the_line() {
    let jsonl = trace().to_jsonl().unwrap();
    let message = |jsonl: &str| Trace::from_jsonl(jsonl).unwrap_err().to_string();
    assert_eq!(message("\n\n"), "cannot read the trace as JSON lines: there is no line");
    assert!(message("{}").starts_with("cannot read the trace: line 1 has no field `schema`"));
    assert!(message(&jsonl.replace("trace/1", "trace/0")).contains("schema \"sukashi.trace/0\""));
    assert!(
        message(&jsonl.replace("\"model\"", "\"mdl\"")).contains("the field model is missing\n  in line 1")
    );
    assert!(message(&jsonl.replace("{\"position\":3", "{\"p\":3")).ends_with("in line 3"));
    assert!(message(&format!("{jsonl}{{")).ends_with("in line 4"));
}

/// A writer whose disk is full after some bytes.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        let written = bytes.len().min(self.0);
        self.0 -= written;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_of_kind_io() {
    let trace = trace();
    for room in [0, 100] {
        for (error, format) in [
            (trace.write_json(Full(room)).unwrap_err(), "JSON"),
            (trace.write_jsonl(Full(room)).unwrap_err(), "JSON lines"),
            (trace.write_csv(Full(room)).unwrap_err(), "CSV"),
            (trace.write_markdown(Full(room)).unwrap_err(), "Markdown"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Io);
            assert_eq!(error.to_string(), format!("cannot write the trace as {format}"));
            assert!(std::error::Error::source(&error).is_some());
        }
    }
}
