//! How to run the program, and where a case's files are.

use std::process::{Command, Output};

/// Runs the program to its end, in English.
pub fn sukashi(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sukashi"));
    command.env("LC_ALL", "C").env_remove("RUST_BACKTRACE").env_remove("SUKASHI_LOG");
    command.args(args).output().unwrap()
}
