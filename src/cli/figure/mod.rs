//! `sukashi figure`: draws a new run or a record.
//!
//! A figure that needs nothing but a trace declares its command beside its drawing ([`of_trace`]). Any other figure has a file
//! here and a line in `figures!`. Its file has the flags of the run. The flags of the figure's options are declared beside its
//! drawing ([`options`]).

mod attention;
mod bpe;
mod budget;
mod inside;
mod lens;
mod mixing;
mod next_token;
mod of_trace;
mod options;
mod record;
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

/// Declares the figures: their names here, and their modules, in the order of the help.
macro_rules! figures {
    ($($(#[$attribute:meta])* $kind:ident in $module:ident,)+) => {
        #[derive(Debug, Subcommand)]
        enum Kind {
            $($(#[$attribute])* $kind($module::Args),)+
        }

        pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
            match &args.kind {
                $(Kind::$kind(args) => $module::run(args, terminal),)+
            }
        }
    };
}

figures! {
    NextToken in next_token,
    TopK in top_k,
    Temperature in temperature,
    #[command(flatten)]
    OfTrace in of_trace,
    Trace in trace,
    Tokens in tokens,
    Attention in attention,
    Lens in lens,
    Budget in budget,
    Softmax in softmax,
    Mixing in mixing,
    Tokenizers in tokenizers,
    Bpe in bpe,
}
