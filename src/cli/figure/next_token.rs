//! `sukashi figure next-token`.

use std::path::PathBuf;

use sukashi::figure::{self, Compare, NextToken, Stage};
use sukashi::{Error, Result, Trace};

use super::record::{NewRun, index, read_record};
use super::style::StyleArgs;
use crate::cli::args::{RunArgs, StageArgs, names};
use crate::cli::failure::Outcome;
use crate::cli::record::{Steps, recorder};
use crate::cli::terminal::Terminal;

/// The most probable next tokens as bars
///
/// Several prompts, or several records, become panels on one scale.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// Further prompts, a panel for each
    #[arg(conflicts_with = "ids")]
    more: Vec<String>,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model; may be
    /// repeated
    #[arg(long, value_name = "FILE", conflicts_with_all = ["RunArgs", "StageArgs", "more"])]
    from: Vec<PathBuf>,
    /// Set the bars of this record beside those of the run or of --from, with the difference
    #[arg(long, value_name = "FILE", conflicts_with_all = ["more", "log", "show_ids"])]
    compare: Option<PathBuf>,
    /// What the two are called, such as with,without
    #[arg(long, value_name = "A,B", value_delimiter = ',', requires = "compare")]
    names: Vec<String>,
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
    /// Draw the probabilities on a logarithmic scale
    #[arg(long)]
    log: bool,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let style = args.style.check(terminal)?;
    let options = NextToken {
        count: args.top,
        step: index(args.step, args.from.first())?,
        stage: args.stage,
        ids: args.show_ids,
        log: args.log,
    };
    let names = args.names()?;
    let other = args.compare.as_deref().map(read_record).transpose()?;
    let traces = args.traces(terminal)?;
    let traces: Vec<&Trace> = traces.iter().collect();
    args.style.write(style, |style| match (&other, &traces[..]) {
        (Some(other), [trace]) => {
            let NextToken { count, step, stage, .. } = options;
            figure::compare([trace, other], &Compare { count, step, stage, names: names.clone() }, style)
        }
        (_, [trace]) => figure::next_token(trace, &options, style),
        _ => figure::next_tokens(&traces, &options, style),
    })
}

impl Args {
    fn names(&self) -> Result<Option<[String; 2]>> {
        if self.compare.is_some() && self.from.len() > 1 {
            return Err(Error::input("cannot compare several records with one")
                .detail(format!("found --from {} times, expected once", self.from.len())));
        }
        match &self.names[..] {
            [] => Ok(None),
            [first, second] => Ok(Some([first.clone(), second.clone()])),
            names => Err(Error::input(format!("cannot use {} names", names.len()))
                .detail("expected two, separated by a comma: --names with,without")),
        }
    }

    /// The records in the files, or those of the runs.
    fn traces(&self, terminal: &Terminal) -> Outcome<Vec<Trace>> {
        if !self.from.is_empty() {
            return Ok(self.from.iter().map(|path| read_record(path)).collect::<Result<_>>()?);
        }
        // Of two runs, each has to know the probability of what the other shows.
        let kept = if self.compare.is_some() { self.top.saturating_mul(20) } else { self.top };
        let recorder = recorder(self.top).and_then(|_| recorder(kept))?;
        let new = NewRun { run: &self.run, settings: self.stages.settings(None)?, steps: Steps::Look };
        new.traces(&self.more, &recorder, terminal)
    }
}
