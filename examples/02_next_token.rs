//! Prints the most probable next tokens after a prompt.
//!
//! The model computes logits. The softmax is over the whole vocabulary, so the candidates and the rest sum to
//! 1.
//!
//! Run: `cargo run --example 02_next_token`
//! (`SUKASHI_DEVICE=cpu`, an index or part of a name chooses the device.)

use sukashi::figure::percent;
use sukashi::sampling::Settings;
use sukashi::trace::{StepRecorder, visible};
use sukashi::{Device, Model, Result, Sampler, Session};

const PROMPT: &str = "吾輩は";

async fn run() -> Result<()> {
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "auto".to_owned());
    let device = Device::request(&selector).await?;
    let model = Model::embedded(&device)?;
    let ids = model.encode(PROMPT)?;

    let mut session = Session::new(&model)?;
    let logits = session.prefill(&ids).await?;

    let mut sampler = Sampler::new(Settings::default(), model.spec().vocab_size)?;
    let step = StepRecorder::new(10).look(&mut sampler, logits, &ids, |id| model.token(id))?;
    println!("after {PROMPT}:");
    for candidate in &step.candidates {
        let token = visible::token(candidate.id, candidate.text.as_deref(), candidate.bytes.as_deref());
        println!("{:4}. {token}  {:>6}  id {}", candidate.rank, percent(candidate.prob), candidate.id);
    }
    println!("{} others: {}", step.vocab_size - step.candidates.len(), percent(step.other_prob));
    println!("entropy: {:.2} bits", step.entropy_bits);
    Ok(())
}

fn main() -> Result<()> {
    pollster::block_on(run())
}
