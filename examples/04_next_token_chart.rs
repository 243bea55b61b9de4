//! Draws the next token's distribution as a chart, in SVG and PNG, and writes its trace.
//!
//! The figure depends only on the trace, so it can be drawn again later, in another style, without the model.
//!
//! Run: `cargo run --example 04_next_token_chart -- FOLDER`
//! (`SUKASHI_DEVICE=cpu`, an index or part of a name chooses the device; without FOLDER, the system's temporary one.)

use std::path::PathBuf;

use sukashi::figure::{NextToken, Style, next_token};
use sukashi::output::write_atomically;
use sukashi::sampling::Settings;
use sukashi::trace::StepRecorder;
use sukashi::{Device, Model, Result, Sampler, Session, Trace};

const PROMPT: &str = "吾輩は";

async fn record() -> Result<Trace> {
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "auto".to_owned());
    let device = Device::request(&selector).await?;
    let model = Model::embedded(&device)?;
    let ids = model.encode(PROMPT)?;
    let mut sampler = Sampler::new(Settings::default(), model.spec().vocab_size)?;
    let mut session = Session::new(&model)?;

    let logits = session.prefill(&ids).await?;
    let step = StepRecorder::new(12).sample(&mut sampler, logits, &ids, |id| model.token(id))?;
    model.trace(&ids, sampler.settings(), vec![step])
}

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let trace = pollster::block_on(record())?;
    let figure = next_token(&trace, &NextToken { count: 12, ..NextToken::default() }, &Style::default())?;

    let files = [
        ("next-token.svg", figure.svg().into_bytes()),
        ("next-token.png", figure.png(2.0)?),
        ("next-token.json", trace.to_json()?.into_bytes()),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        write_atomically(&path, &bytes, true)?;
        println!("{}", path.display());
    }
    Ok(())
}
