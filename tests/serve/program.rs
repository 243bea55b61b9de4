//! The program: its flags, its signals and its exit codes.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::client::send;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sukashi"));
    command.args(["serve", "--device", "cpu", "--port", "0", "--lang", "en"]).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts the program and reads its address.
fn start(args: &[&str]) -> (Child, SocketAddr, BufReader<std::process::ChildStderr>) {
    let mut child = program(args).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap_or_else(|| panic!("no address in {line:?}"));
    (child, address.split(' ').next().unwrap().parse().unwrap(), stderr)
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_program_after_the_running_answers() {
    for name in ["TERM", "INT"] {
        let (mut child, address, mut stderr) = start(&["--slots", "1", "--grace", "200"]);
        while send(address, "GET", "/health", &[], b"").finish().status != 200 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let body =
            json!({"prompt": "吾輩は", "max_tokens": 8, "stream": true, "ignore_eos": true}).to_string();
        let mut reading = send(address, "POST", "/v1/completions", &[], body.as_bytes());
        reading.chunk().unwrap();
        signal(&child, name);
        assert!(reading.finish().text().ends_with("[DONE]\n\n"));
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "what a request says is not printed");
    }
}

#[test]
fn what_is_wrong_is_said_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (empty, keys) = (file("empty", "# none\n"), file("keys", "sk-1\n"));
    for (args, part) in [
        (&["--host", "0.0.0.0"][..], "--api-key-file"),
        (&["--host", "::"], "--no-auth"),
        (&["--host", "example.org"], "--host"),
        (&["--api-key-file", &empty], "found no key"),
        (&["--api-key-file", "/nothing/here"], "/nothing/here"),
        (&["--api-key-file", &keys, "--no-auth"], "cannot be used with"),
        (&["--slots", "0"], "--slots 0"),
        (&["--slots", "65"], "1 to 64"),
        (&["--context", "0"], "--context 0"),
        (&["--max-queue", "0"], "--max-queue 0"),
        (&["--cors-origin", "*"], "is no origin"),
        (&["--model", "/nothing/here"], "/nothing/here"),
        (&["--kv-memory", "0"], "found 0 bytes"),
    ] {
        let output = program(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(part), "{args:?}: no {part:?} in {stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[cfg(unix)]
#[test]
fn keys_open_an_address_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, "sk-1\nsk-2\n").unwrap();
    let (mut child, address, _stderr) =
        start(&["--host", "0.0.0.0", "--api-key-file", path.to_str().unwrap()]);
    let here = SocketAddr::from(([127, 0, 0, 1], address.port()));
    send(here, "GET", "/v1/models", &[], b"").finish().refused(401);
    let status = send(here, "GET", "/v1/models", &[("authorization", "Bearer sk-2")], b"").finish().status;
    assert!([200, 503].contains(&status), "{status}");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
