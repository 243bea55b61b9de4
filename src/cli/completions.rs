//! `sukashi completions`: prints a script by which a shell completes commands and flags.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;
use super::failure::Outcome;
use super::output::print_bytes;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sukashi", &mut script);
    print_bytes(&script)
}
