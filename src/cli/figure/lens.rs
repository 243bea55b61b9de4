//! `sukashi figure lens`.

use sukashi::figure::{self, Metric};
use sukashi::model;
use sukashi::trace::Lens;

use super::inside::{InsideArgs, say_as_typed};
use super::options::OptionArgs;
use super::style::StyleArgs;
use crate::cli::args::positions;
use crate::cli::failure::Outcome;
use crate::cli::progress::Progress;
use crate::cli::run::Input;
use crate::cli::terminal::Terminal;

/// The logit lens: the prediction after each layer
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    inside: InsideArgs,
    /// Draw these positions, counted from 0, such as 0,5-9 [default: all]
    #[arg(
        long,
        value_name = "N,…",
        conflicts_with = "from",
        help_heading = "Figure",
        hide_short_help = true
    )]
    positions: Option<String>,
    #[command(flatten)]
    metric: OptionArgs<Metric>,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let metric = args.metric.options(None)?;
    let draw = |record: &Lens, style: &_| figure::lens(record, metric, style);
    args.inside.draw(("lens", &args.style), terminal, |input| args.of_run(input, terminal), draw)
}

impl Args {
    fn of_run(&self, input: Input, terminal: &Terminal) -> Outcome<Lens> {
        let positions = self.positions.as_deref().map(positions).transpose()?.unwrap_or_default();
        let run = input.load(terminal)?;
        let mut progress = Progress::new(terminal.words("各層を読み取り中", "looking into the layers"));
        let mut see = |done, total| progress.set(done, total);
        let lens = model::lens(&run.model, &run.prompt.ids, &positions, &mut see);
        let mut record = pollster::block_on(lens)?;
        say_as_typed(&mut record.prompt, run);
        Ok(record)
    }
}
