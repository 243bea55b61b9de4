//! `sukashi figure`: draws a new run or a record. Each figure has a file.

mod attention;
mod bpe;
mod budget;
mod inside;
mod lens;
mod mixing;
mod next_token;
mod record;
mod sampling;
mod softmax;
mod style;
mod targets;
mod temperature;
mod tokenizers;
mod tokens;
mod top_k;
mod trace;

use clap::Subcommand;

use super::failure::Outcome;
use super::terminal::Terminal;

/// Draw a figure of a new run, of a record (--from), or of numbers
///
/// The extension of -o decides the content of the file: .svg and .png hold the picture, .csv and .json its numbers. Without -o,
/// the figure goes into a file of its own name, or into a terminal that can show pictures (kitty, Ghostty, iTerm2, WezTerm,
/// mintty).
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    NextToken(next_token::Args),
    TopK(top_k::Args),
    Temperature(temperature::Args),
    Sampling(sampling::Args),
    Trace(trace::Args),
    Tokens(tokens::Args),
    Attention(attention::Args),
    Lens(lens::Args),
    Budget(budget::Args),
    Softmax(softmax::Args),
    Mixing(mixing::Args),
    Tokenizers(tokenizers::Args),
    Bpe(bpe::Args),
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    match &args.kind {
        Kind::NextToken(args) => next_token::run(args, terminal),
        Kind::TopK(args) => top_k::run(args, terminal),
        Kind::Temperature(args) => temperature::run(args, terminal),
        Kind::Sampling(args) => sampling::run(args, terminal),
        Kind::Trace(args) => trace::run(args, terminal),
        Kind::Tokens(args) => tokens::run(args, terminal),
        Kind::Attention(args) => attention::run(args, terminal),
        Kind::Lens(args) => lens::run(args, terminal),
        Kind::Budget(args) => budget::run(args, terminal),
        Kind::Softmax(args) => softmax::run(args, terminal),
        Kind::Mixing(args) => mixing::run(args, terminal),
        Kind::Tokenizers(args) => tokenizers::run(args, terminal),
        Kind::Bpe(args) => bpe::run(args, terminal),
    }
}
