//! `sukashi figure next-token`.

use std::path::PathBuf;

use sukashi::figure::{self, Compare, Lang, NextToken};
use sukashi::model::Ablation;
use sukashi::{Error, Result, Trace};

use super::options::OptionArgs;
use super::record::{NewRun, read_record};
use super::style::StyleArgs;
use crate::cli::ablation::AblationArgs;
use crate::cli::failure::Outcome;
use crate::cli::record::{Steps, record, recorder};
use crate::cli::run::{Input, RUN_GROUPS, RunArgs};
use crate::cli::sampler::StageArgs;
use crate::cli::terminal::Terminal;

/// The most probable next tokens as bars
///
/// Several prompts or records become panels with one scale. --zero-head and --zero-mlp compare the whole model with the model
/// without that part.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    /// More prompts; each gets a panel
    #[arg(conflicts_with = "ids", help_heading = "Prompt", display_order = 1)]
    more: Vec<String>,
    /// Draw this record (.json or .jsonl, from `sukashi next` or `sukashi trace`) instead of running a model; may be
    /// repeated
    #[arg(long, value_name = "FILE", conflicts_with_all = RUN_GROUPS, conflicts_with_all = ["StageArgs", "AblationArgs", "more"], help_heading = "Figure")]
    from: Vec<PathBuf>,
    /// Compare the run, or the record of --from, with this record
    #[arg(long, value_name = "FILE", conflicts_with_all = ["more", "log", "show-ids", "AblationArgs"], help_heading = "Figure", hide_short_help = true)]
    compare: Option<PathBuf>,
    /// Name the two that are compared, such as with,without
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Figure", hide_short_help = true)]
    names: Vec<String>,
    #[command(flatten)]
    ablation: AblationArgs,
    #[command(flatten)]
    options: OptionArgs<NextToken>,
    #[command(flatten)]
    stages: StageArgs,
    #[command(flatten)]
    style: StyleArgs,
}

/// A comparison records this many times as many candidates as it shows.
const KEPT_OF_TWO: usize = 20;

/// The names of the whole model and of the model without some of its parts.
fn part_names(without: &Trace, terminal: &Terminal) -> [String; 2] {
    let parts = without.model.left_out.join(", ");
    match terminal.lang {
        Lang::Ja => {
            let parts = parts.replace("head", "ヘッド").replace("mlp", "MLP").replace(", ", "、");
            ["モデル全体".to_owned(), format!("{parts} を除外")]
        }
        Lang::En => ["whole model".to_owned(), format!("without {parts}")],
    }
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("next-token", terminal)?;
    let options = args.options.options(args.from.first().map(PathBuf::as_path))?;
    let names = args.names()?;
    if !args.ablation.is_empty() {
        let [whole, without] = args.with_and_without(&options, terminal)?;
        let NextToken { count, step, stage, .. } = options;
        let names = names.unwrap_or_else(|| part_names(&without, terminal));
        let options = Compare { count, step, stage, names: Some(names) };
        return args.style.write(sheet, |style| figure::compare([&whole, &without], &options, style));
    }
    let other = args.compare.as_deref().map(read_record).transpose()?;
    let traces = args.traces(&options, terminal)?;
    let traces: Vec<&Trace> = traces.iter().collect();
    args.style.write(sheet, |style| match (&other, &traces[..]) {
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
            _ if self.compare.is_none() && self.ablation.is_empty() => {
                Err(Error::input("cannot use --names: there is one distribution")
                    .hint("compare it with --compare, --zero-head or --zero-mlp"))
            }
            [first, second] => Ok(Some([first.clone(), second.clone()])),
            names => Err(Error::input(format!("cannot use {} names", names.len()))
                .detail("expected two, separated by a comma: --names with,without")),
        }
    }

    /// Records the whole model, and the model without some of its parts.
    fn with_and_without(&self, options: &NextToken, terminal: &Terminal) -> Outcome<[Trace; 2]> {
        if !self.more.is_empty() || options.log || options.ids {
            return Err(Error::input(
                "cannot leave out a part: this figure compares two models on one prompt",
            )
            .detail("found further prompts, --log or --show-ids")
            .into());
        }
        let settings = self.stages.settings(None)?;
        let recorder = recorder(options.count, KEPT_OF_TWO)?;
        let input = Input::read(&self.run, terminal)?.without(self.ablation.ablation())?;
        let samplers = [input.sampler(settings.clone())?, input.sampler(settings)?];
        let mut run = input.load(terminal)?;
        let [first, second] = samplers;
        let look = (Steps::Look, terminal);
        let without = record(&run, first, &recorder, look, |_, _| Ok(()))?;
        run.model = run.model.without(Ablation::default())?;
        let whole = record(&run, second, &recorder, look, |_, _| Ok(()))?;
        Ok([whole, without])
    }

    /// Reads the records of `--from`, or records new runs.
    fn traces(&self, options: &NextToken, terminal: &Terminal) -> Outcome<Vec<Trace>> {
        if !self.from.is_empty() {
            return Ok(self.from.iter().map(|path| read_record(path)).collect::<Result<_>>()?);
        }
        // Each of two runs needs the probabilities of the tokens that the other one shows.
        let recorder = recorder(options.count, if self.compare.is_some() { KEPT_OF_TWO } else { 1 })?;
        let new = NewRun { run: &self.run, settings: self.stages.settings(None)?, steps: Steps::Look };
        new.traces(&self.more, &recorder, terminal)
    }
}
