//! `sukashi figure temperature`.

use std::path::PathBuf;

use sukashi::figure::{self, TemperatureView, Temperatures};
use sukashi::sampling::Settings;
use sukashi::trace::StepRecorder;

use super::record::{NewRun, index};
use super::style::StyleArgs;
use crate::cli::args::names;
use crate::cli::failure::Outcome;
use crate::cli::record::{Steps, recorder};
use crate::cli::run::{RUN_GROUPS, RunArgs};
use crate::cli::sampler::temperature;
use crate::cli::terminal::Terminal;

/// The same candidates at several temperatures
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = RUN_GROUPS, help_heading = "Figure")]
    from: Option<PathBuf>,
    /// Show N tokens
    #[arg(long, value_name = "N", default_value_t = 8, help_heading = "Figure")]
    top: usize,
    /// Use these temperatures [default: 0.5,1,5,100, or those of the record]
    #[arg(
        long,
        value_name = "T,…",
        value_delimiter = ',', value_parser = temperature,
        allow_hyphen_values = true,
        help_heading = "Figure"
    )]
    temperatures: Vec<f64>,
    /// Arrange the figure by candidates (a line per temperature), by temperatures (a line per candidate, and the entropy) or as
    /// bars (a group per candidate)
    #[arg(
        long,
        value_name = "VIEW",
        default_value = "candidates",
        value_parser = names::<TemperatureView>(&["candidates", "temperatures", "bars"]),
        hide_possible_values = true, help_heading = "Figure")]
    view: TemperatureView,
    /// Normalise the probabilities over the shown tokens instead of the whole vocabulary
    #[arg(long, help_heading = "Figure", hide_short_help = true)]
    renormalise_shown: bool,
    /// Draw the probabilities on a logarithmic axis
    #[arg(long, help_heading = "Figure")]
    log: bool,
    /// Draw this step of the record, counted from 1
    #[arg(long, value_name = "N", help_heading = "Figure", hide_short_help = true)]
    step: Option<usize>,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("temperature", terminal)?;
    let mut temperatures = args.temperatures.clone();
    if temperatures.is_empty() && args.from.is_none() {
        temperatures = StepRecorder::TEMPERATURES.to_vec();
    }
    let mut recorder = recorder(args.top, 1)?.with_temperatures(temperatures.clone())?;
    if args.view == TemperatureView::Temperatures {
        recorder = recorder.with_temperatures(Temperatures::smooth(&temperatures))?;
    }
    let options = Temperatures {
        temperatures,
        count: args.top,
        step: index(args.step, args.from.as_ref())?,
        log: args.log,
        view: args.view,
        renormalise_shown: args.renormalise_shown,
    };
    let new = NewRun { run: &args.run, settings: Settings::default(), steps: Steps::Look };
    let trace = new.trace(args.from.as_deref(), &recorder, terminal)?;
    args.style.write(sheet, |style| figure::temperature(&trace, &options, style))
}
