//! `sukashi figure next-token`.

use std::path::PathBuf;

use sukashi::figure::{self, NextToken, Stage};

use super::record::{NewRun, index};
use super::style::StyleArgs;
use crate::cli::args::{RunArgs, StageArgs, names};
use crate::cli::failure::Outcome;
use crate::cli::record::{Steps, recorder};
use crate::cli::terminal::Terminal;

/// The most probable next tokens as bars
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = ["RunArgs", "StageArgs"])]
    from: Option<PathBuf>,
    /// How many tokens to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Which probability: model, scaled (after temperature and penalties) or final (after truncation)
    #[arg(
        long,
        value_name = "STAGE",
        default_value = "model",
        value_parser = names::<Stage>(&["model", "scaled", "final"]),
        hide_possible_values = true
    )]
    stage: Stage,
    /// Which step of the record, counted from 1
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    /// Print ids after the tokens
    #[arg(long)]
    show_ids: bool,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let style = args.style.check(terminal)?;
    let recorder = recorder(args.top)?;
    let options = NextToken {
        count: args.top,
        step: index(args.step, args.from.as_ref())?,
        stage: args.stage,
        ids: args.show_ids,
    };
    let new = NewRun { run: &args.run, settings: args.stages.settings(None)?, steps: Steps::Look };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(style, |style| figure::next_token(&trace, &options, style))
}
