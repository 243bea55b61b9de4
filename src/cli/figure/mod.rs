//! `sukashi figure`: a figure of a new run or of a record, one file per figure.

mod next_token;
mod record;
mod style;
mod temperature;
mod trace;

use clap::Subcommand;

use super::failure::Outcome;
use super::terminal::Terminal;

/// Draw a figure: of a new run, or with --from of a record
///
/// The file's extension decides what is written: .svg or .png for the picture, .csv or .json for its numbers.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    NextToken(next_token::Args),
    Temperature(temperature::Args),
    Trace(trace::Args),
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    match &args.kind {
        Kind::NextToken(args) => next_token::run(args, terminal),
        Kind::Temperature(args) => temperature::run(args, terminal),
        Kind::Trace(args) => trace::run(args, terminal),
    }
}
