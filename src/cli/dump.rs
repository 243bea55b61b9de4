//! `sukashi dump`: saves the values inside the model as tensors.

use std::path::PathBuf;

use sukashi::model::{Capture, CaptureRequest, DecoderSpec, Point, spec};
use sukashi::output;

use super::ablation::AblationArgs;
use super::args::positions;
use super::failure::Outcome;
use super::output::print;
use super::run::{Input, RunArgs};
use super::terminal::{Terminal, pad, width};

/// Save the values inside the model as tensors
///
/// The file holds input_ids and positions as i64, and the points of --capture as f32. --list shows all points; * stands for any
/// characters. hidden_states [layers + 1, T, hidden] and attentions [layers, heads, T, T] are those of Hugging Face's outputs.
/// In Python, safetensors.numpy.load_file reads the file.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    ablation: AblationArgs,
    /// Save these points, such as layers.*.attn.probs,layers.3.resid
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        default_values = ["logits", "hidden_states", "attentions"],
        help_heading = "Output")]
    capture: Vec<String>,
    /// Save these positions, counted from 0, such as 0,5-9 [default: all]
    #[arg(long, value_name = "N,…", help_heading = "Output", hide_short_help = true)]
    positions: Option<String>,
    /// Print the names and shapes of all points, and end
    #[arg(long, help_heading = "Output", conflicts_with_all = ["output", "force"])]
    list: bool,
    /// Write to this file, such as inside.safetensors
    #[arg(short, long, value_name = "FILE", help_heading = "Output", required_unless_present = "list")]
    output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, help_heading = "Output")]
    force: bool,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let Some(path) = args.output.as_ref().filter(|_| !args.list) else {
        return print(&list(&spec::from_files(&args.run.model.open(terminal)?)?));
    };
    output::check_target(path, args.force)?;
    let positions = args.positions.as_deref().map(positions).transpose()?;
    let input = Input::read(&args.run, terminal)?;
    let mut request = CaptureRequest::new(input.spec(), &args.capture)?;
    if let Some(positions) = positions {
        request = request.at(positions);
    }
    let run = input.without(args.ablation.ablation())?.load(terminal)?;
    let capture = pollster::block_on(Capture::run(&run.model, &run.prompt.ids, &request))?;
    let bytes = capture.to_safetensors(&run.model)?;
    Ok(output::write_atomically(path, &bytes, args.force)?)
}

/// Lists each point with its shape, for T captured positions of a text of S tokens.
fn list(spec: &DecoderSpec) -> String {
    // No size of a model is as large, so these two mark T and S.
    const T: usize = usize::MAX;
    const S: usize = usize::MAX - 1;
    let size = |size: usize| match size {
        T => "T".to_owned(),
        S => "S".to_owned(),
        size => size.to_string(),
    };
    let points = Point::all(spec);
    let names: Vec<String> = points.iter().map(Point::to_string).collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
    let line = |(point, name): (&Point, &String)| {
        let shape = Vec::from_iter(point.shape(spec, T, S).into_iter().map(size)).join(", ");
        format!("{}  [{shape}]\n", pad(name, widest))
    };
    points.iter().zip(&names).map(line).collect()
}
