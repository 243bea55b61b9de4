//! `sukashi dump`: what is inside the model while it reads a text.

use std::path::PathBuf;

use clap::ValueEnum;
use sukashi::model::{Capture, CaptureRequest};
use sukashi::output;

use super::args::RunArgs;
use super::failure::Outcome;
use super::run::Input;
use super::terminal::Terminal;

/// Save what is inside the model as tensors
///
/// The file holds input_ids [T] as i64, and as f32 what --capture asks for: logits [T, vocab],
/// hidden_states [layers + 1, T, hidden], attentions [layers, heads, T, T]. In Python,
/// safetensors.numpy.load_file reads it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// What to save
    #[arg(
        long,
        value_name = "WHAT",
        value_delimiter = ',',
        default_values = ["logits", "hidden_states", "attentions"],
        help_heading = "Output"
    )]
    capture: Vec<Captured>,
    /// The file, such as inside.safetensors
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,
    /// Replace the file if it exists
    #[arg(long, help_heading = "Output")]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Captured {
    /// Logits at every position
    Logits,
    /// The residual stream before each layer and after the final norm
    HiddenStates,
    /// Attention weights of every head
    Attentions,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    output::check_target(&args.output, args.force)?;
    let wanted = |what| args.capture.contains(&what);
    let request = CaptureRequest {
        logits: wanted(Captured::Logits),
        hidden_states: wanted(Captured::HiddenStates),
        attentions: wanted(Captured::Attentions),
    };
    let run = Input::read(&args.run, terminal)?.load(terminal)?;
    let capture = pollster::block_on(Capture::run(&run.model, &run.prompt.ids, request))?;
    let bytes = capture.to_safetensors(&run.model)?;
    Ok(output::write_atomically(&args.output, &bytes, args.force)?)
}
