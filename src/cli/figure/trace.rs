//! `sukashi figure trace`.

use std::path::PathBuf;

use sukashi::figure::{self, TraceOptions};

use super::options::OptionArgs;
use super::record::NewRun;
use super::style::StyleArgs;
use crate::cli::args::at_least_one;
use crate::cli::failure::Outcome;
use crate::cli::record::{Steps, recorder};
use crate::cli::run::{RUN_GROUPS, RunArgs};
use crate::cli::sampler::{ChoiceArgs, StageArgs};
use crate::cli::terminal::Terminal;

/// Every step of a generation in a panel of its own, or with --animate in a frame of its own
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = RUN_GROUPS, conflicts_with_all = ["StageArgs", "ChoiceArgs"], help_heading = "Figure")]
    from: Option<PathBuf>,
    /// Add at most N tokens, or draw N steps of the record
    #[arg(short = 'n', long, value_name = "N", default_value_t = 6, help_heading = "Figure")]
    max_new_tokens: usize,
    #[command(flatten)]
    options: OptionArgs<TraceOptions>,
    /// Draw an animation with a frame for each step: an SVG that CSS moves, or an APNG
    #[arg(long, help_heading = "Figure")]
    animate: bool,
    /// Show each step of the animation for SECONDS, from 0.25 to 30; the last step stays twice as long
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 1.5,
        requires = "animate",
        allow_hyphen_values = true,
        help_heading = "Figure",
        hide_short_help = true
    )]
    seconds_per_step: f64,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    choice: ChoiceArgs,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("trace", terminal)?;
    at_least_one("--max-new-tokens", args.max_new_tokens)?;
    if args.animate {
        // A record may have fewer steps than --max-new-tokens. A run may too, but it is too long to wait for.
        let steps = if args.from.is_some() { 1 } else { args.max_new_tokens };
        figure::check_animation(steps, args.seconds_per_step)?;
    }
    let options = args.options.options(args.from.as_deref())?;
    let options = TraceOptions { steps: args.max_new_tokens, ..options };
    let recorder = recorder(options.count, 1)?;
    let settings = args.stages.settings(Some(&args.choice))?;
    let new = NewRun { run: &args.run, settings, steps: Steps::Choose(args.max_new_tokens) };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(sheet, |style| match args.animate {
        true => figure::trace_animation(&trace, &options, args.seconds_per_step, style),
        false => figure::trace(&trace, &options, style),
    })
}
