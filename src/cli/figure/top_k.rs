//! `sukashi figure top-k`.

use std::path::PathBuf;

use sukashi::figure::{self, TopK};

use super::record::{NewRun, index};
use super::style::StyleArgs;
use crate::cli::failure::Outcome;
use crate::cli::record::{Steps, recorder};
use crate::cli::run::{RUN_GROUPS, RunArgs};
use crate::cli::sampler::StageArgs;
use crate::cli::terminal::Terminal;

/// The candidates before and after truncation by --top-k, --top-p, --min-p or --typical-p
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = RUN_GROUPS, conflicts_with_all = ["StageArgs"])]
    from: Option<PathBuf>,
    /// How many tokens to show
    #[arg(long, value_name = "N", default_value_t = 12)]
    top: usize,
    /// Which step of the record, counted from 1
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let style = args.style.check(terminal)?;
    let settings = args.stages.settings(None)?;
    if args.from.is_none() {
        figure::check_truncation(&settings)?;
    }
    // What is left is counted, so that more is recorded than is shown.
    let mut recorder = recorder(args.top, 20)?;
    if settings.top_p.is_some() {
        // The running mass is the sampler's own.
        recorder = recorder.with_stages();
    }
    let options = TopK { count: args.top, step: index(args.step, args.from.as_ref())? };
    let new = NewRun { run: &args.run, settings, steps: Steps::Look };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(style, |style| figure::top_k(&trace, &options, style))
}
