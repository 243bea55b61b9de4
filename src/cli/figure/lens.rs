//! `sukashi figure lens`.

use std::path::PathBuf;

use sukashi::figure::{self, Metric};
use sukashi::trace::{Lens, Record};
use sukashi::{model, output};

use super::record::read_other;
use super::style::StyleArgs;
use crate::cli::args::{AblationArgs, RunArgs, names, positions};
use crate::cli::failure::Outcome;
use crate::cli::progress::Progress;
use crate::cli::run::Input;
use crate::cli::terminal::Terminal;

/// What the model would say after each layer (the logit lens)
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    ablation: AblationArgs,
    /// Draw this record (.json, from --record) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = ["RunArgs", "AblationArgs", "record", "positions"])]
    from: Option<PathBuf>,
    /// Write the numbers as a record that --from draws
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// At which positions, such as 0,5-9: counted from 0 [default: all]
    #[arg(long, value_name = "N,…")]
    positions: Option<String>,
    /// Which number: prob (of the token shown), rank (of the token that comes first in the end), entropy, or kl
    /// (divergence from the final distribution)
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "prob",
        value_parser = names::<Metric>(&["prob", "rank", "entropy", "kl"]),
        hide_possible_values = true
    )]
    metric: Metric,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let style = args.style.check(terminal)?;
    let record = match &args.from {
        Some(path) => read_other(path, Lens::from_json)?,
        None => args.of_run(terminal)?,
    };
    args.style.write(style, |style| figure::lens(&record, args.metric, style))?;
    if let Some(path) = &args.record {
        output::write_atomically(path, record.to_json()?.as_bytes(), args.style.force())?;
    }
    Ok(())
}

impl Args {
    fn of_run(&self, terminal: &Terminal) -> Outcome<Lens> {
        self.record.as_ref().map_or(Ok(()), |path| output::check_target(path, self.style.force()))?;
        let positions = self.positions.as_deref().map(positions).transpose()?.unwrap_or_default();
        let run = Input::read(&self.run, terminal)?.without(self.ablation.ablation())?.load(terminal)?;
        let mut progress = Progress::new(terminal.words("各層を読み取り中", "looking into the layers"));
        let mut see = |done, total| progress.set(done, total);
        let lens = model::lens(&run.model, &run.prompt.ids, &positions, &mut see);
        let mut record = pollster::block_on(lens)?;
        if let Some(typed) = run.prompt.typed {
            record.prompt.text = Some(typed);
        }
        Ok(record)
    }
}
