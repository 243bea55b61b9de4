//! The program `sukashi`. Each command has a file; the other files hold the flags and steps that commands share.
//!
//! Data goes to the standard output, everything else to the standard error. The exit code is 2 for bad input and
//! 1 for a failed run.

mod ablation;
mod adapters;
mod args;
mod batch;
mod batch_line;
mod bench;
mod bigram;
mod cache;
mod chat;
mod completions;
mod device;
mod dump;
mod failure;
mod figure;
mod generate;
#[cfg(feature = "hub")]
mod hub_options;
mod man;
mod model;
mod next;
mod output;
mod pictures;
mod progress;
mod prompt;
mod record;
mod request_line;
mod run;
mod sampler;
mod score;
#[cfg(feature = "serve")]
mod serve;
mod share;
#[cfg(unix)]
mod signals;
mod stop;
mod subject;
mod system_fonts;
mod table;
mod terminal;
mod text;
mod text_file;
mod tokenize;
mod trace;
mod tune;
mod tuning;
mod verify;
mod window;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sukashi::figure::Lang;

use failure::Outcome;
use terminal::Terminal;

/// An LLM runtime that you can see through.
///
/// sukashi runs a language model on a GPU or the CPU, and shows every number on the way to the next token as text,
/// data and figures. Without --model, it runs a small Japanese model that is part of the program.
#[derive(Debug, Parser)]
#[command(
    name = "sukashi",
    bin_name = "sukashi",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Language of headings and notes: ja or en [default: from LC_ALL, LC_MESSAGES or LANG]
    #[arg(
        long,
        global = true,
        value_parser = args::names::<Lang>(Lang::NAMES),
        hide_possible_values = true,
        help_heading = "Output",
        display_order = 900
    )]
    lang: Option<Lang>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Next(next::Args),
    Generate(generate::Args),
    Trace(trace::Args),
    Score(score::Args),
    Figure(figure::Args),
    Tokenize(tokenize::Args),
    Dump(dump::Args),
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    Adapters(adapters::Args),
    Verify(verify::Args),
    Bench(bench::Args),
    Tune(tune::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the program.
pub fn main() -> ExitCode {
    failure::report_panics(|| match Cli::try_parse() {
        Ok(cli) => {
            start_log();
            #[cfg(unix)]
            if !cli.command.handles_signals() {
                signals::watch();
            }
            sukashi::threads::start(num_threads());
            failure::exit_code(cli.run())
        }
        Err(error) => output::usage(error),
    })
}

impl Cli {
    fn run(self) -> Outcome {
        let terminal = Terminal::new(self.lang.unwrap_or_else(terminal::lang_of_locale));
        match self.command {
            Command::Next(args) => next::run(&args, &terminal),
            Command::Generate(args) => generate::run(&args, &terminal),
            Command::Trace(args) => trace::run(&args, &terminal),
            Command::Score(args) => score::run(&args, &terminal),
            Command::Figure(args) => figure::run(&args, &terminal),
            Command::Tokenize(args) => tokenize::run(&args, &terminal),
            Command::Dump(args) => dump::run(&args, &terminal),
            #[cfg(feature = "serve")]
            Command::Serve(args) => serve::run(&args, &terminal),
            Command::Adapters(args) => adapters::run(&args, &terminal),
            Command::Verify(args) => verify::run(&args, &terminal),
            Command::Bench(args) => bench::run(&args, &terminal),
            Command::Tune(args) => tune::run(&args, &terminal),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
        }
    }
}

#[cfg(unix)]
impl Command {
    /// Whether the command ends by itself after a signal.
    fn handles_signals(&self) -> bool {
        #[cfg(feature = "serve")]
        let handles = matches!(self, Self::Serve(_));
        #[cfg(not(feature = "serve"))]
        let handles = false;
        handles
    }
}

/// The number of threads on the CPU: `RAYON_NUM_THREADS`, or as many as the machine runs at once.
fn num_threads() -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|count| count.parse().ok());
    let available = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.filter(|&count| count > 0).unwrap_or_else(available)
}

/// Sends the library's warnings to the standard error. `SUKASHI_LOG` = off, error, warn, info, debug or trace sets the
/// level.
fn start_log() {
    use tracing_subscriber::filter::LevelFilter;
    let level = std::env::var("SUKASHI_LOG").ok().and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .with_max_level(level.unwrap_or(LevelFilter::WARN))
        .with_writer(|| output::Log)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn flags_do_not_contradict_each_other() {
        super::Cli::command().debug_assert();
    }
}
