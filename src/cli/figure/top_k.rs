//! `sukashi figure top-k`.

use std::path::PathBuf;

use sukashi::figure::{self, Lang, TopK};

use super::options::OptionArgs;
use super::record::NewRun;
use super::style::StyleArgs;
use crate::cli::failure::Outcome;
use crate::cli::output::note;
use crate::cli::record::{Steps, recorder};
use crate::cli::run::{RUN_GROUPS, RunArgs};
use crate::cli::sampler::StageArgs;
use crate::cli::terminal::Terminal;

/// The candidates before and after truncation by --top-k, --top-p, --min-p or --typical-p [default: --top-k 5]
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = RUN_GROUPS, conflicts_with_all = ["StageArgs"], help_heading = "Figure")]
    from: Option<PathBuf>,
    #[command(flatten)]
    options: OptionArgs<TopK>,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    style: StyleArgs,
}

/// The setting without a flag that truncates.
const DEFAULT_TOP_K: usize = 5;

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("top-k", terminal)?;
    let mut settings = args.stages.settings(None)?;
    if args.from.is_none() && figure::check_truncation(&settings).is_err() {
        settings.top_k = Some(DEFAULT_TOP_K);
        note(&match terminal.lang {
            Lang::Ja => format!("注意: 切り捨ての指定がないため、--top-k {DEFAULT_TOP_K} で描きます"),
            Lang::En => format!("note: no flag truncates the candidates; drawing --top-k {DEFAULT_TOP_K}"),
        });
    }
    // The figure counts the remaining tokens, so more candidates are recorded than shown.
    let options = args.options.options(args.from.as_deref())?;
    let mut recorder = recorder(options.count, 20)?;
    if settings.top_p.is_some() {
        // The figure shows the sampler's own running sum.
        recorder = recorder.with_stages();
    }
    let new = NewRun { run: &args.run, settings, steps: Steps::Look };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(sheet, |style| figure::top_k(&trace, &options, style))
}
