//! Runs the program, and finds the files of a case.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs the program to its end, in English, without standard input.
pub fn sukashi(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sukashi"));
    for name in ["LC_MESSAGES", "LANG", "SUKASHI_LOG", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.args(args).env("LC_ALL", "C").env("NO_COLOR", "1").stdin(Stdio::null()).output().unwrap()
}

/// The folder of a case.
pub fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regression/cases").join(name)
}
