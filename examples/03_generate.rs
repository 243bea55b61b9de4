//! Generates text and prints it as it is sampled.
//!
//! The same build, device, model, prompt, settings and seed give the same text.
//!
//! Run: `cargo run --example 03_generate`
//! (`SUKASHI_DEVICE=cpu`, an index or part of a name chooses the device.)

use std::io::Write;

use sukashi::sampling::Settings;
use sukashi::text::StreamDecoder;
use sukashi::{Device, Error, ErrorKind, Model, Result, Sampler, Session};

const PROMPT: &str = "吾輩は";
const NUM_TOKENS: usize = 60;

async fn run() -> Result<()> {
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "auto".to_owned());
    let device = Device::request(&selector).await?;
    let model = Model::embedded(&device)?;
    let mut session = Session::new(&model)?;
    let settings = Settings { temperature: 0.8, top_p: Some(0.95), seed: 7, ..Settings::default() };
    let mut sampler = Sampler::new(settings, model.spec().vocab_size)?;

    let mut ids = model.encode(PROMPT)?;
    let tokenizer = model.tokenizer().ok_or_else(|| Error::input("the model has no tokenizer"))?;
    // A token may end in the middle of a character. The decoder holds such bytes back.
    let mut stream = tokenizer.stream();
    for &id in &ids {
        print_next(&mut stream, id)?;
    }
    let mut next = sampler.sample(session.prefill(&ids).await?, &ids)?.id;
    for _ in 1..NUM_TOKENS {
        print_next(&mut stream, next)?;
        ids.push(next);
        next = sampler.sample(session.decode(next).await?, &ids)?.id;
    }
    print_next(&mut stream, next)?;
    println!("{}", stream.finish().unwrap_or_default());
    Ok(())
}

fn print_next(stream: &mut StreamDecoder<'_>, id: u32) -> Result<()> {
    print!("{}", stream.push(id).unwrap_or_default());
    std::io::stdout().flush().map_err(|error| Error::new(ErrorKind::Io, "cannot print").caused_by(error))
}

fn main() -> Result<()> {
    pollster::block_on(run())
}
