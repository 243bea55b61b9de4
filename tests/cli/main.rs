//! Tests the program from the outside: its output, the files that it writes, and its exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed, also in its helpers"
)]

mod bad_input;
mod batch;
mod bench;
mod bigram;
mod chat;
mod commands;
mod dump;
mod figure;
mod generate;
#[cfg(feature = "hub")]
mod hub;
mod inside;
mod next;
mod pipelines;
#[path = "../skip/mod.rs"]
mod skip;
mod streams;
mod tokenize;
mod trace;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use safetensors::SafeTensors;
use sukashi::Trace;

/// The result of a run of the program.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Makes a command whose environment does not depend on the user.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sukashi"));
    for name in ["LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR", "SUKASHI_LOG", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end.
fn run(args: &[&str]) -> Ran {
    finish(program().args(args).stdin(Stdio::null()))
}
use skip::skip;

/// Runs the program with this standard input.
fn run_with_input(args: &[&str], input: &[u8]) -> Ran {
    let mut command = program();
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may refuse its arguments before it reads.
    let _ = child.stdin.take().unwrap().write_all(input);
    ran(child.wait_with_output().unwrap())
}

fn finish(command: &mut Command) -> Ran {
    ran(command.output().unwrap())
}

fn ran(output: std::process::Output) -> Ran {
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("data is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

/// Runs the program on the CPU, asserts that it succeeds without a message, and returns its output.
#[track_caller]
fn cpu(args: &[&str]) -> String {
    let ran = run(&[args, &["--device", "cpu"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "");
    ran.stdout
}

/// Runs the program on the first adapter, asserts that it succeeds, and returns its output.
#[track_caller]
fn on_adapter(args: &[&str]) -> String {
    succeed(&[args, &["--device", "0"]].concat())
}

/// Runs the program on its default device or without a device, asserts that it succeeds, and returns its output.
#[track_caller]
fn succeed(args: &[&str]) -> String {
    let ran = run(args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout
}

#[track_caller]
fn cpu_trace(args: &[&str]) -> Trace {
    Trace::from_json(&cpu(&[args, &["--format", "json"]].concat())).unwrap()
}

/// Whether there is an adapter. With `SUKASHI_REQUIRE_GPU=1`, a missing adapter is a failure.
fn has_adapter() -> bool {
    let found = !pollster::block_on(sukashi::gpu::adapters()).is_empty();
    assert!(
        found || std::env::var_os("SUKASHI_REQUIRE_GPU").is_none(),
        "SUKASHI_REQUIRE_GPU is set and there is no adapter"
    );
    if !found {
        skip("no adapter; only the CPU was tested");
    }
    found
}

fn goldens(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

/// A folder with a model that has no `tokenizer.json`.
fn tiny_model() -> String {
    goldens("gpt2-tiny").to_str().unwrap().to_owned()
}

fn read_ids(path: &Path, name: &str) -> Vec<u32> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), safetensors::Dtype::I64);
    tensor.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as u32).collect()
}

fn read_floats(path: &Path, name: &str) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), safetensors::Dtype::F32);
    let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    (tensor.shape().to_vec(), values.collect())
}

/// The ids in the form for `--ids`.
fn joined(ids: &[u32]) -> String {
    Vec::from_iter(ids.iter().map(u32::to_string)).join(",")
}

/// The path of a file in a temporary folder, as an argument.
fn in_folder(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}
