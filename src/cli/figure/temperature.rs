//! `sukashi figure temperature`.

use std::path::PathBuf;

use sukashi::figure::{self, TemperatureView, Temperatures};
use sukashi::sampling::Settings;
use sukashi::trace::StepRecorder;

use super::options::OptionArgs;
use super::record::NewRun;
use super::style::StyleArgs;
use crate::cli::failure::Outcome;
use crate::cli::record::{Steps, recorder};
use crate::cli::run::{RUN_GROUPS, RunArgs};
use crate::cli::terminal::Terminal;

/// The same candidates at several temperatures
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = RUN_GROUPS, help_heading = "Figure")]
    from: Option<PathBuf>,
    #[command(flatten)]
    options: OptionArgs<Temperatures>,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("temperature", terminal)?;
    let mut options = args.options.options(args.from.as_deref())?;
    if options.temperatures.is_empty() && args.from.is_none() {
        options.temperatures = StepRecorder::TEMPERATURES.to_vec();
    }
    let mut recorder = recorder(options.count, 1)?.with_temperatures(options.temperatures.clone())?;
    if options.view == TemperatureView::Temperatures {
        recorder = recorder.with_temperatures(Temperatures::smooth(&options.temperatures))?;
    }
    let new = NewRun { run: &args.run, settings: Settings::default(), steps: Steps::Look };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(sheet, |style| figure::temperature(&trace, &options, style))
}
