//! Steps record the candidates that each stage leaves.

use std::collections::BTreeMap;

use sukashi::sampling::{Choice, Sampler, Settings};
use sukashi::trace::{AdapterInfo, ModelInfo, Prompt, SCHEMA, Stages, Step, StepRecorder, Token};
use sukashi::{ErrorKind, Trace};

const LOGITS: [f32; 10] = [0.5, 3.0, -1.25, 1.5, 2.75, -4.0, 0.0, 1.0, 2.25, f32::NEG_INFINITY];
const PREVIOUS: [u32; 3] = [1, 5, 1];

fn token(id: u32) -> Token {
    Token { id, text: Some(format!("<{id}>")), bytes: None }
}

fn every_stage() -> Settings {
    Settings {
        presence_penalty: 1.0,
        logit_bias: BTreeMap::from([(0, 1.0)]),
        temperature: 0.5,
        top_k: Some(6),
        top_p: Some(0.9),
        min_p: Some(0.1),
        typical_p: Some(0.9),
        seed: 3,
        ..Settings::default()
    }
}

fn step(settings: Settings, top: usize) -> Step {
    let mut sampler = Sampler::new(settings, 10).unwrap();
    StepRecorder::new(top).with_stages().sample(&mut sampler, &LOGITS, &PREVIOUS, token).unwrap()
}

fn trace(settings: Settings) -> Trace {
    let (model, adapter) = (
        ModelInfo {
            name: "tiny".to_owned(),
            family: "gpt2".to_owned(),
            weights_sha256: String::new(),
            precision: "f32".to_owned(),
            left_out: Vec::new(),
        },
        AdapterInfo {
            name: "CPU".to_owned(),
            backend: "cpu".to_owned(),
            driver: String::new(),
            kind: "cpu".to_owned(),
        },
    );
    Trace {
        schema: SCHEMA.to_owned(),
        version: "0.1.0".to_owned(),
        model,
        adapter,
        steps: vec![step(settings.clone(), 8)],
        sampling: settings,
        prompt: Prompt { text: None, tokens: Vec::new() },
        text: None,
    }
}

#[test]
fn stages_are_what_the_observer_sees() {
    let mut seen = Vec::new();
    let mut sampler = Sampler::new(every_stage(), 10).unwrap();
    sampler
        .observe(&LOGITS, &PREVIOUS, |stage, candidates| {
            let tokens: Vec<_> = (0..10).map(|id| candidates.get(id)).collect();
            seen.push((stage.to_owned(), candidates.len(), tokens));
        })
        .unwrap();
    let step = step(every_stage(), 4);
    let stages = step.stages.unwrap();
    assert_eq!(stages.outputs.len(), 8);
    for (output, (stage, num_left, tokens)) in stages.outputs.iter().zip(&seen) {
        assert_eq!((&output.stage, output.num_left), (stage, *num_left));
        assert_eq!(output.tokens.len(), step.candidates.len());
        for (token, candidate) in output.tokens.iter().zip(&step.candidates) {
            let want = tokens[candidate.id as usize];
            assert_eq!(token.map(|token| token.logit), want.map(|token| token.logit));
            assert_eq!(token.map(|token| token.prob), want.map(|token| token.prob));
        }
    }
}

#[test]
fn the_first_and_the_last_stage_are_the_candidates_own() {
    for settings in [every_stage(), Settings { seed: 5, ..Settings::default() }] {
        let step = step(settings, 5);
        let outputs = step.stages.unwrap().outputs;
        for (index, candidate) in step.candidates.iter().enumerate() {
            assert_eq!(outputs[0].tokens[index].unwrap().prob, candidate.prob);
            assert_eq!(outputs[0].tokens[index].unwrap().logit, f64::from(candidate.logit));
            assert_eq!(outputs[0].tokens[index].unwrap().rank, candidate.rank);
            let last = outputs.last().unwrap().tokens[index];
            assert_eq!(last.map_or(0.0, |last| last.prob), candidate.prob_final);
        }
    }
}

#[test]
fn top_p_keeps_what_the_running_mass_reaches() {
    for top_p in [0.1, 0.5, 0.7, 0.95, 0.999] {
        let step = step(Settings { temperature: 1.3, top_p: Some(top_p), ..Settings::default() }, 9);
        let outputs = step.stages.unwrap().outputs;
        assert_eq!(outputs[2].stage, "top_p");
        for (before, after) in outputs[1].tokens.iter().zip(&outputs[2].tokens) {
            let before = before.unwrap();
            assert_eq!(
                after.is_some(),
                before.cumulative - before.prob < top_p - 1e-12,
                "{before:?} at {top_p}"
            );
        }
    }
}

#[test]
fn the_draw_is_the_generators_and_lies_in_the_chosen_share() {
    let mut straight = Sampler::new(every_stage(), 10).unwrap();
    let mut sampler = Sampler::new(every_stage(), 10).unwrap();
    let recorder = StepRecorder::new(9).with_stages();
    for _ in 0..50 {
        let step = recorder.sample(&mut sampler, &LOGITS, &PREVIOUS, token).unwrap();
        let want = straight.sample(&LOGITS, &PREVIOUS).unwrap();
        let chosen = step.chosen.as_ref().unwrap();
        let draw = step.stages.as_ref().unwrap().draw.as_ref().unwrap();
        assert_eq!((chosen.id, Some(draw.number)), (want.id, want.draw));
        let mut shares: Vec<(u32, f64, f64)> = Vec::new();
        for (candidate, start) in step.candidates.iter().zip(&draw.starts) {
            assert_eq!(start.is_some(), candidate.prob_final > 0.0);
            shares.extend(start.map(|start| (candidate.id, start, start + candidate.prob_final)));
        }
        shares.sort_by_key(|share| share.0);
        // The shares are side by side from 0 to 1, in the order of ids.
        assert_eq!(shares[0].1, 0.0);
        assert!(shares.windows(2).all(|pair| (pair[0].2 - pair[1].1).abs() < 1e-12), "{shares:?}");
        assert!((shares.last().unwrap().2 - 1.0).abs() < 1e-12);
        let own = shares.iter().find(|share| share.0 == chosen.id).unwrap();
        assert!((own.1..own.2).contains(&draw.number), "{own:?} without {}", draw.number);
    }
}

#[test]
fn nothing_is_drawn_where_nothing_is_left_to_chance() {
    for choice in [Choice::Greedy, Choice::Pick(2)] {
        assert_eq!(step(Settings { choice, ..Settings::default() }, 3).stages.unwrap().draw, None);
    }
    let mut sampler = Sampler::new(Settings::default(), 10).unwrap();
    let looked = StepRecorder::new(3).with_stages().look(&mut sampler, &LOGITS, &[], token).unwrap();
    assert_eq!(looked.stages.unwrap().draw, None);
    let plain = StepRecorder::new(3).sample(&mut sampler, &LOGITS, &[], token).unwrap();
    assert_eq!(plain.stages, None);
}

#[test]
fn they_read_back_to_the_last_bit() {
    let trace = trace(every_stage());
    assert_eq!(Trace::from_json(&trace.to_json().unwrap()).unwrap(), trace);
    assert_eq!(Trace::from_jsonl(&trace.to_jsonl().unwrap()).unwrap(), trace);
    let summary = trace.steps[0].stages.as_ref().unwrap().summary();
    assert!(
        summary.starts_with("logits 9 → penalties 9 → logit_bias 9 → temperature 9 → top_k 6 → "),
        "{summary}"
    );
    assert!(trace.to_markdown().unwrap().contains("\nTokens left: logits 9 → penalties 9 → logit\\_bias 9"));
    let mut without = trace.clone();
    without.steps[0].stages = None;
    assert!(!without.to_json().unwrap().contains("stages\""));
}

#[test]
fn stages_that_contradict_themselves_are_refused() {
    type Damage = fn(&mut Stages);
    let own: [(Damage, &str); 17] = [
        (|s| s.outputs.clear(), "stages.outputs[0].stage is none\n  expected \"logits\""),
        (|s| s.outputs[0].stage = "top_k".to_owned(), "stages.outputs[0].stage is top_k\n"),
        (|s| s.outputs[1].num_left = 0, "stages.outputs[1].num_left is 0\n  expected at least the 8 listed"),
        (|s| s.outputs[0].num_left = 11, "stages.outputs[0].num_left is 11\n"),
        (|s| s.outputs[5].num_left = 9, "at most the 6 that were left before"),
        (
            |s| s.outputs[2].tokens.truncate(2),
            "stages.outputs[2].tokens is a list of 2\n  expected one for each of 8",
        ),
        (|s| s.outputs[7].tokens = s.outputs[0].tokens.clone(), "stages.outputs[7]."),
        (|s| s.outputs[1].tokens[0].as_mut().unwrap().rank = 0, "stages.outputs[1].tokens[0].rank is 0\n"),
        (|s| s.outputs[1].tokens[0].as_mut().unwrap().logit = f64::NAN, "tokens[0].logit is NaN\n"),
        (|s| s.outputs[1].tokens[0].as_mut().unwrap().prob = 1.5, "tokens[0].prob is 1.5\n"),
        (|s| s.outputs[1].tokens[1].as_mut().unwrap().cumulative = 0.0, "tokens[1].cumulative is 0\n"),
        (|s| s.outputs[0].tokens[7].as_mut().unwrap().prob = 0.5, "stages.outputs[0]."),
        (|s| s.draw.as_mut().unwrap().number = 1.0, "stages.draw.number is 1\n  expected a number in 0..1"),
        (|s| s.draw.as_mut().unwrap().number += 0.6, "stages.draw.number is"),
        (|s| s.draw.as_mut().unwrap().starts.truncate(1), "stages.draw.starts is a list of 1\n"),
        (|s| s.draw.as_mut().unwrap().starts[0] = Some(-1.0), "stages.draw.starts[0] is -1\n"),
        (|s| s.draw.as_mut().unwrap().starts.fill(None), "a share of 0..1 for the chosen token"),
    ];
    let sound = trace(Settings { seed: 1, ..every_stage() });
    assert!(sound.validate().is_ok());
    for (damage, message) in own {
        let mut trace = sound.clone();
        damage(trace.steps[0].stages.as_mut().unwrap());
        let mut errors = vec![trace.to_json().unwrap_err(), trace.to_jsonl().unwrap_err()];
        if !message.contains("NaN") {
            errors.push(Trace::from_json(&serde_json::to_string(&trace).unwrap()).unwrap_err());
        }
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Input);
            assert!(error.to_string().contains(message), "want {message:?} in {error}");
        }
    }
    let mut looked = sound.clone();
    looked.steps[0].chosen = None;
    let error = looked.validate().unwrap_err();
    assert!(error.to_string().contains("no draw where nothing was chosen"), "{error}");
    // A removed candidate does not come back.
    let mut risen = sound.clone();
    let outputs = &mut risen.steps[0].stages.as_mut().unwrap().outputs;
    let gone = outputs[4].tokens.iter().position(Option::is_none).unwrap();
    outputs[5].tokens[gone] = outputs[0].tokens[gone];
    outputs[5].num_left = outputs[4].num_left;
    assert!(risen.validate().unwrap_err().to_string().contains("null: a stage before it removed the token"));
}
