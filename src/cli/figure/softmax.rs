//! `sukashi figure softmax`.

use sukashi::figure::{self, Logits};

use super::style::StyleArgs;
use crate::cli::failure::Outcome;
use crate::cli::sampler::temperature;
use crate::cli::terminal::Terminal;

/// The probabilities of a few logits at several temperatures
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Use these logits, such as 3,1.5,0.5
    #[arg(
        long,
        value_name = "Z,…",
        value_delimiter = ',',
        required = true,
        allow_hyphen_values = true,
        help_heading = "Figure"
    )]
    logits: Vec<f32>,
    /// Name the tokens [default: z1, z2, …]
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        help_heading = "Figure",
        hide_short_help = true
    )]
    names: Vec<String>,
    /// Use these temperatures
    #[arg(
        long,
        value_name = "T,…",
        value_delimiter = ',', value_parser = temperature,
        default_value = "0.5,1,2",
        allow_hyphen_values = true,
        help_heading = "Figure"
    )]
    temperatures: Vec<f64>,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("softmax", terminal)?;
    let numbered = || (1..=args.logits.len()).map(|number| format!("z{number}")).collect();
    let record = Logits {
        names: if args.names.is_empty() { numbered() } else { args.names.clone() },
        logits: args.logits.clone(),
        temperatures: args.temperatures.clone(),
    };
    args.style.write(sheet, |style| figure::softmax(&record, style))
}
