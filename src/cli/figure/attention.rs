//! `sukashi figure attention`.

use std::path::PathBuf;

use sukashi::figure::{self, Heads};
use sukashi::trace::{Attention, Record};
use sukashi::{Error, model, output};

use super::record::read_other;
use super::style::StyleArgs;
use crate::cli::args::{AblationArgs, RunArgs};
use crate::cli::failure::Outcome;
use crate::cli::run::Input;
use crate::cli::terminal::Terminal;

/// Which tokens the heads of a layer look at
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    ablation: AblationArgs,
    /// Draw this record (.json, from --record) instead of running a model
    #[arg(long, value_name = "FILE", conflicts_with_all = ["RunArgs", "AblationArgs", "record"])]
    from: Option<PathBuf>,
    /// Write the numbers as a record that --from draws
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Which layer, counted from 0
    #[arg(long, value_name = "L", default_value_t = 0)]
    layer: usize,
    /// Which head, counted from 0 [default: all]
    #[arg(long, value_name = "H")]
    head: Option<usize>,
    /// Show only what this token looks at: its position, counted from 0
    #[arg(long, value_name = "N")]
    query: Option<usize>,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let style = args.style.check(terminal)?;
    let record = match &args.from {
        Some(path) => read_other(path, Attention::from_json)?,
        None => args.of_run(terminal)?,
    };
    let options = Heads { layer: args.layer, head: args.head, query: args.query };
    args.style.write(style, |style| figure::attention(&record, &options, style))?;
    if let Some(path) = &args.record {
        output::write_atomically(path, record.to_json()?.as_bytes(), args.style.force())?;
    }
    Ok(())
}

impl Args {
    fn of_run(&self, terminal: &Terminal) -> Outcome<Attention> {
        self.record.as_ref().map_or(Ok(()), |path| output::check_target(path, self.style.force()))?;
        let input = Input::read(&self.run, terminal)?.without(self.ablation.ablation())?;
        model::check_layer_and_head(input.spec(), self.layer, self.head)?;
        let num_tokens = input.prompt().ids.len();
        if let Some(query) = self.query.filter(|query| *query >= num_tokens) {
            return Err(Error::input(format!("cannot use --query {query}: the text ends before it"))
                .detail(format!("found {num_tokens} tokens, expected 0 to {}", num_tokens - 1))
                .into());
        }
        let run = input.load(terminal)?;
        let record = model::attention(&run.model, &run.prompt.ids, self.layer, self.head);
        let mut record = pollster::block_on(record)?;
        if let Some(typed) = run.prompt.typed {
            record.prompt.text = Some(typed);
        }
        Ok(record)
    }
}
