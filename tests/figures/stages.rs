//! Tests stages that bring the text above their column.

use sukashi::figure::{Sampling, Style, TextMode, example, sampling};
use sukashi::sampling::{Candidates, Context, Criterion, Description, Label, Sampler, Settings, Stage};
use sukashi::trace::{StepRecorder, Token};
use sukashi::{Result, Trace};

use super::{style, texts};

/// Drops tokens that are less probable than a fifth of the most probable one.
struct Fifth;

impl Stage for Fifth {
    fn name(&self) -> &str {
        "fifth"
    }

    fn describe(&self) -> Description {
        Description::new(Label::new("五分の一", "fifth"), Criterion::Prob { ratio: 0.2 })
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        let most = candidates.iter().map(|token| token.prob).fold(0.0, f64::max);
        candidates.retain(|token| token.prob >= 0.2 * most);
        Ok(())
    }
}

fn drawn(trace: &Trace) -> String {
    let style = Style { text_mode: TextMode::Text, ..style() };
    sampling(trace, &Sampling::default(), &style).unwrap().svg()
}

#[test]
fn a_stage_of_ones_own_is_drawn_as_it_describes_itself() {
    let mut sampler = Sampler::new(Settings::default(), 4).unwrap().with_stage(Fifth);
    let token = |id| Token { id, text: Some(format!("t{id}")), bytes: None };
    let logits = [2.0, 1.0, 0.9, -3.0];
    let step = StepRecorder::new(4).with_stages().sample(&mut sampler, &logits, &[], token).unwrap();
    let mut trace = example::trace("m", "a", &["a"], vec![step]);
    trace.sampling = sampler.settings().clone();

    // The record keeps the text of the figure.
    let read = Trace::from_json(&trace.to_json().unwrap()).unwrap();
    assert_eq!(read, trace);
    let labels = texts(&drawn(&read));
    let is_there = |label: &str| labels.iter().any(|own| own == label);
    assert!(is_there("五分の一") && labels.iter().any(|own| own.starts_with("≧ ")), "{labels:?}");
    assert!(is_there("再正規化"), "{labels:?}");
}

#[test]
fn a_record_without_descriptions_is_drawn_from_its_settings() {
    let settings = Settings {
        temperature: 0.8,
        top_k: Some(12),
        top_p: Some(0.9),
        min_p: Some(0.05),
        typical_p: Some(0.95),
        frequency_penalty: 0.5,
        ..Settings::default()
    };
    let trace = example::sampled(settings).unwrap();
    let mut old = trace.clone();
    for output in &mut old.steps[0].stages.as_mut().unwrap().outputs {
        assert_eq!(output.description.is_none(), output.stage == "logits");
        output.description = None;
    }
    assert_eq!(drawn(&old), drawn(&trace));
}
