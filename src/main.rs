//! The command-line program. It reads a prompt, and writes text, data and figures.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
