//! The command-line program: a prompt in; text, data and figures out.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
