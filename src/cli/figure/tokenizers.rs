//! `sukashi figure tokenizers`.

use sukashi::{Result, figure};

use super::style::StyleArgs;
use crate::cli::failure::Outcome;
use crate::cli::prompt::read_text;
use crate::cli::terminal::Terminal;
use crate::cli::tokenize::{SourceArgs, TrainArgs};

/// One text in the tokens of several tokenizers, with its cost in each
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The text to cut; `-` reads it from the standard input and drops one line end at its end
    text: String,
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    train: TrainArgs,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("tokenizers", terminal)?;
    let text = read_text(&args.text)?;
    let trained = args.train.run(terminal)?;
    let mut tokenizers = args.sources.open(trained.is_none(), terminal)?;
    if let Some(trained) = trained {
        tokenizers.splice(0..0, trained.tokenizers);
    }
    let cuts = tokenizers.iter().map(|(name, tokenizer)| tokenizer.cut(name, &text, args.sources.special));
    let cuts = cuts.collect::<Result<Vec<_>>>()?;
    args.style.write(sheet, |style| figure::tokenizers(&text, &cuts, style))
}
