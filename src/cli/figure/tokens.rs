//! `sukashi figure tokens`.

use std::path::PathBuf;

use sukashi::figure::{self, Tokens};
use sukashi::trace::Score;

use super::options::OptionArgs;
use super::record::{is_jsonl, read_other};
use super::style::StyleArgs;
use crate::cli::ablation::AblationArgs;
use crate::cli::failure::Outcome;
use crate::cli::run::{RUN_GROUPS, RunArgs};
use crate::cli::score;
use crate::cli::terminal::Terminal;

/// A text as a strip of tokens, coloured by probability, rank or entropy
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    ablation: AblationArgs,
    /// Draw this record (.json or .jsonl, from `sukashi score`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = RUN_GROUPS, conflicts_with_all = ["AblationArgs"], help_heading = "Figure")]
    from: Option<PathBuf>,
    #[command(flatten)]
    options: OptionArgs<Tokens>,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("tokens", terminal)?;
    let score = match &args.from {
        Some(path) if is_jsonl(path) => read_other(path, Score::from_jsonl)?,
        Some(path) => read_other(path, sukashi::trace::Record::from_json)?,
        None => score::of_run(&args.run, &args.ablation, terminal)?,
    };
    let options = args.options.options(None)?;
    args.style.write(sheet, |style| figure::tokens(&score, &options, style))
}
