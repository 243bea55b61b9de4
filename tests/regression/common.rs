//! The program, and the folders of the cases.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs the program to its end.
pub fn sukashi(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sukashi"));
    for name in ["LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR", "SUKASHI_LOG", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.args(args).output().unwrap()
}

/// The folder of a case.
pub fn case(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/regression/cases").join(name)
}
