//! How to run the program, and where a case's files are.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub fn sukashi(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sukashi")).args(args).env("NO_COLOR", "1").output().unwrap()
}

pub fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regression/cases").join(name)
}
