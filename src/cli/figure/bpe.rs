//! `sukashi figure bpe`.

use sukashi::{Error, figure};

use super::style::StyleArgs;
use crate::cli::failure::Outcome;
use crate::cli::prompt::read_text;
use crate::cli::terminal::Terminal;
use crate::cli::tokenize::{SourceArgs, TrainArgs};

/// The merges by which a BPE builds a word, as a tree
///
/// The model in the program has no merges, so this figure needs a tokenizer or a text to train one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The word to build; `-` reads it from the standard input and drops one line end at its end
    word: String,
    #[command(flatten)]
    sources: SourceArgs,
    #[command(flatten)]
    train: TrainArgs,
    #[command(flatten)]
    style: StyleArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let sheet = args.style.check("bpe", terminal)?;
    let word = read_text(&args.word)?;
    let mut tokenizers = args.sources.open(false, terminal)?;
    tokenizers.extend(args.train.run(terminal)?.and_then(|trained| trained.tokenizers.into_iter().last()));
    let [(name, tokenizer)] = &tokenizers[..] else {
        return Err(Error::input(format!("cannot draw the merges of {} tokenizers", tokenizers.len()))
            .detail("expected one of --model, --tokenizer and --train, once")
            .into());
    };
    let tree = tokenizer.merge_tree(name, &word)?;
    args.style.write(sheet, |style| figure::bpe(&tree, style))
}
