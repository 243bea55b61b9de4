//! Adds a custom stage to the sampler: it writes a text without a given character (a lipogram).
//!
//! A stage sees the candidates with their logits, and removes or changes some. The trace records its name,
//! and each candidate's probability before and after it.
//!
//! Run: `cargo run --example 06_own_stage`
//! (`SUKASHI_DEVICE=cpu`, an index or part of a name chooses the device.)

use std::collections::HashSet;

use sukashi::figure::percent;
use sukashi::sampling::{Candidates, Context, Settings, Stage};
use sukashi::trace::StepRecorder;
use sukashi::{Device, Model, Result, Sampler, Session};

const PROMPT: &str = "吾輩は";
const FORBIDDEN: char = 'の';
const NUM_TOKENS: usize = 40;

/// Forbids every token whose text contains a given character.
struct Without(HashSet<u32>);

impl Without {
    fn new(character: char, model: &Model) -> Self {
        let has = |id: &u32| model.token(*id).text.is_some_and(|text| text.contains(character));
        Self((0..model.spec().vocab_size as u32).filter(has).collect())
    }
}

impl Stage for Without {
    fn name(&self) -> &str {
        "without"
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        candidates.retain(|token| !self.0.contains(&token.id));
        Ok(())
    }
}

async fn run() -> Result<()> {
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "auto".to_owned());
    let device = Device::request(&selector).await?;
    let model = Model::embedded(&device)?;
    let mut session = Session::new(&model)?;
    let settings = Settings { temperature: 0.7, seed: 3, ..Settings::default() };
    let mut sampler =
        Sampler::new(settings, model.spec().vocab_size)?.with_stage(Without::new(FORBIDDEN, &model));
    let recorder = StepRecorder::new(5);

    let mut ids = model.encode(PROMPT)?;
    let mut steps = Vec::new();
    let mut logits = session.prefill(&ids).await?;
    for _ in 0..NUM_TOKENS {
        let step = recorder.sample(&mut sampler, logits, &ids, |id| model.token(id))?;
        let Some(chosen) = &step.chosen else { break };
        let id = chosen.id;
        steps.push(step);
        ids.push(id);
        logits = session.decode(id).await?;
    }

    let trace = model.trace(&model.encode(PROMPT)?, sampler.settings(), steps)?;
    println!("without {FORBIDDEN}: {}", model.decode(&ids).unwrap_or_default());
    println!("stages: {}", trace.sampling.custom_stages.join(", "));
    let cut =
        |step: &sukashi::trace::Step| step.candidates.iter().any(|candidate| candidate.prob_final == 0.0);
    for step in trace.steps.iter().filter(|step| cut(step)) {
        for candidate in step.candidates.iter().filter(|candidate| candidate.prob_final == 0.0) {
            let text = candidate.text.as_deref().unwrap_or_default();
            println!("at {}: {text} had {}", step.position, percent(candidate.prob));
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    pollster::block_on(run())
}
