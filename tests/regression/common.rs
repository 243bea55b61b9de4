//! How the program is run, and where a case's files are.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs the program, in English, without a standard input.
pub fn sukashi(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sukashi"));
    command.args(args).env("LC_ALL", "C").env_remove("RUST_BACKTRACE").stdin(Stdio::null()).output().unwrap()
}

/// The folder of a case.
pub fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regression/cases").join(name)
}
