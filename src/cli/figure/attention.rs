//! `sukashi figure attention`.

use sukashi::figure::{self, AttentionOptions};
use sukashi::trace::Attention;
use sukashi::{Error, model};

use super::inside::{InsideArgs, say_as_typed};
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
    /// Draw this layer, counted from 0
    #[arg(long, value_name = "L", default_value_t = 0, help_heading = "Figure")]
    layer: usize,
    /// Draw this head, counted from 0 [default: all]
    #[arg(long, value_name = "H", help_heading = "Figure")]
    head: Option<usize>,
    /// Draw only the attention of the token at this position, counted from 0
    #[arg(long, value_name = "N", help_heading = "Figure")]
    query: Option<usize>,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let options = AttentionOptions { layer: args.layer, head: args.head, query: args.query };
    let draw = |record: &Attention, style: &_| figure::attention(record, &options, style);
    args.inside.draw(("attention", &args.style), terminal, |input| args.of_run(input, terminal), draw)
}

impl Args {
    fn of_run(&self, input: Input, terminal: &Terminal) -> Outcome<Attention> {
        of_flag("--layer", self.layer, model::check_layer_and_head(input.spec(), self.layer, None))?;
        if let Some(head) = self.head {
            of_flag("--head", head, model::check_layer_and_head(input.spec(), self.layer, Some(head)))?;
        }
        let num_tokens = input.prompt().ids.len();
        if let Some(query) = self.query.filter(|query| *query >= num_tokens) {
            return Err(Error::input(format!("cannot use --query {query}: the text ends before it"))
                .detail(format!("found {num_tokens} tokens, expected 0 to {}", num_tokens - 1))
                .into());
        }
        let run = input.load(terminal)?;
        let record = model::attention(&run.model, &run.prompt.ids, self.layer, self.head);
        let mut record = pollster::block_on(record)?;
        say_as_typed(&mut record.prompt, run);
        Ok(record)
    }
}
