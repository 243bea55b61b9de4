//! `sukashi figure sampling`.

use std::path::PathBuf;

use sukashi::figure::{self, Sampling};

use super::record::{NewRun, index};
use super::style::StyleArgs;
use crate::cli::failure::Outcome;
use crate::cli::record::{Steps, recorder};
use crate::cli::run::{RUN_GROUPS, RunArgs};
use crate::cli::sampler::{ChoiceArgs, StageArgs};
use crate::cli::terminal::Terminal;

/// How the sampler chooses the next token: the candidates after each of its stages
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace` with --record-stages) instead of running a
    /// model
    #[arg(long, value_name = "FILE", conflicts_with_all = RUN_GROUPS, conflicts_with_all = ["StageArgs", "ChoiceArgs"], help_heading = "Figure")]
    from: Option<PathBuf>,
    /// Show N tokens
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Figure")]
    top: usize,
    /// Draw this step of the record, counted from 1
    #[arg(long, value_name = "N", help_heading = "Figure", hide_short_help = true)]
    step: Option<usize>,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    choice: ChoiceArgs,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("sampling", terminal)?;
    let settings = args.stages.settings(Some(&args.choice))?;
    // A bias may raise a token that the model ranks low, so more candidates are recorded than shown.
    let recorder = recorder(args.top, 20)?.with_stages();
    let options = Sampling { count: args.top, step: index(args.step, args.from.as_ref())? };
    let new = NewRun { run: &args.run, settings, steps: Steps::Choose(1) };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(sheet, |style| figure::sampling(&trace, &options, style))
}
