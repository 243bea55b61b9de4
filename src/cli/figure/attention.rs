//! `sukashi figure attention`.

use sukashi::figure::{self, AttentionOptions};
use sukashi::trace::Attention;
use sukashi::{Error, model};

use super::inside::{InsideArgs, say_as_typed};
use super::options::OptionArgs;
use super::style::StyleArgs;
use crate::cli::args::of_flag;
use crate::cli::failure::Outcome;
use crate::cli::run::Input;
use crate::cli::terminal::Terminal;

/// The attention of a layer's heads: which tokens each token looks at
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    inside: InsideArgs,
    #[command(flatten)]
    options: OptionArgs<AttentionOptions>,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let options = args.options.options(None)?;
    let draw = |record: &Attention, style: &_| figure::attention(record, &options, style);
    args.inside.draw(("attention", &args.style), terminal, |input| of_run(&options, input, terminal), draw)
}

fn of_run(options: &AttentionOptions, input: Input, terminal: &Terminal) -> Outcome<Attention> {
    let AttentionOptions { layer, head, query } = *options;
    of_flag("--layer", layer, model::check_layer_and_head(input.spec(), layer, None))?;
    if let Some(head) = head {
        of_flag("--head", head, model::check_layer_and_head(input.spec(), layer, Some(head)))?;
    }
    let num_tokens = input.prompt().ids.len();
    if let Some(query) = query.filter(|query| *query >= num_tokens) {
        return Err(Error::input(format!("cannot use --query {query}: the text ends before it"))
            .detail(format!("found {num_tokens} tokens, expected 0 to {}", num_tokens - 1))
            .into());
    }
    let run = input.load(terminal)?;
    let record = model::attention(&run.model, &run.prompt.ids, layer, head);
    let mut record = pollster::block_on(record)?;
    say_as_typed(&mut record.prompt, run);
    Ok(record)
}
