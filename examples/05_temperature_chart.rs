//! Draws the effect of the temperature on one distribution, in SVG and PNG.
//!
//! The model runs once, because a distribution at another temperature needs only the logits. The trace
//! contains the normaliser over the whole vocabulary for each temperature, so a few candidates are enough to
//! draw it exactly.
//!
//! Run: `cargo run --example 05_temperature_chart -- FOLDER`
//! (`SUKASHI_DEVICE=cpu`, an index or part of a name chooses the device; without FOLDER, the system's temporary one.)

use std::path::PathBuf;

use sukashi::figure::{Lang, Style, Temperatures, Theme, temperature};
use sukashi::output::write_atomically;
use sukashi::sampling::Settings;
use sukashi::trace::StepRecorder;
use sukashi::{Device, Model, Result, Sampler, Session, Trace};

const PROMPT: &str = "吾輩は";
const TEMPERATURES: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 8.0];

async fn record() -> Result<Trace> {
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "auto".to_owned());
    let device = Device::request(&selector).await?;
    let model = Model::embedded(&device)?;
    let ids = model.encode(PROMPT)?;
    let mut sampler = Sampler::new(Settings::default(), model.spec().vocab_size)?;
    let mut session = Session::new(&model)?;

    let recorder = StepRecorder::new(12).with_temperatures(TEMPERATURES)?;
    let logits = session.prefill(&ids).await?;
    let step = recorder.look(&mut sampler, logits, &ids, |id| model.token(id))?;
    model.trace(&ids, sampler.settings(), vec![step])
}

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let trace = pollster::block_on(record())?;
    // The style suits a journal: black and grey, and the width of a column.
    let style = Style { theme: Theme::Print, lang: Lang::En, width: "160mm".parse()?, ..Style::default() };
    let figure = temperature(&trace, &Temperatures::default(), &style)?;
    for warning in figure.warnings() {
        eprintln!("warning: {warning}");
    }
    for (name, bytes) in
        [("temperature.svg", figure.svg().into_bytes()), ("temperature.png", figure.png(2.0)?)]
    {
        let path = folder.join(name);
        write_atomically(&path, &bytes, true)?;
        println!("{}", path.display());
    }
    Ok(())
}
