//! Faults around the program and the device: full disks, signals, damaged caches, and adapters that are lost or have no
//! memory left. The program loses no data, and ends with the documented exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed, also in its helpers"
)]

#[path = "../adapters/mod.rs"]
mod adapters;
#[cfg(unix)]
mod caches;
mod device;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod output;
#[cfg(unix)]
mod signals;
#[path = "../skip/mod.rs"]
mod skip;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program with an environment of its own. Its caches are in `cache`.
fn program(cache: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sukashi"));
    for name in ["LC_ALL", "LC_MESSAGES", "LANG", "SUKASHI_LOG", "RUST_BACKTRACE", "SUKASHI_VARIANT"] {
        command.env_remove(name);
    }
    command.env("XDG_CACHE_HOME", cache).stdin(Stdio::null());
    command
}

/// Runs `command` to its end. It has to end within five minutes.
#[track_caller]
fn bounded(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(300);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// The names in `folder`, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn message(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("messages are UTF-8");
    assert!(!text.contains("panicked") && !text.contains("has a bug"), "{text}");
    text
}
