//! Signals at every stage of a run that writes a file.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{names, program};

const SIGNALS: [(&str, i32); 3] = [("HUP", 1), ("INT", 2), ("TERM", 15)];

fn start(folder: &Path) -> Child {
    let target = folder.join("figure.png");
    program(folder)
        .args(["figure", "softmax", "--logits", "3,1", "--scale", "4", "--force", "-o"])
        .arg(target)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A shell that waits to send the signal. Starting a process takes too long for an event within a millisecond.
fn sender(signal: &str, child: &Child) -> Child {
    let line = format!("read _; kill -{signal} {} 2>/dev/null", child.id());
    Command::new("sh").args(["-c", &line]).stdin(Stdio::piped()).spawn().unwrap()
}

fn send(mut sender: Child) {
    sender.stdin.take().unwrap().write_all(b"\n").unwrap();
    sender.wait().unwrap();
}

fn is_writing(folder: &Path) -> bool {
    names(folder).iter().any(|name| name.ends_with(".tmp"))
}

#[track_caller]
fn check(folder: &Path, status: ExitStatus, number: i32, new: &[u8]) {
    let ended = status.signal() == Some(number) || status.code() == Some(0);
    assert!(ended, "{status:?} after signal {number}");
    assert_eq!(names(folder), ["figure.png"], "after signal {number}");
    let content = fs::read(folder.join("figure.png")).unwrap();
    assert!(content == b"old" || content == new, "half a file after signal {number}");
    assert!(status.code() != Some(0) || content == new, "it ended well without its file");
}

#[test]
fn a_signal_at_any_time_leaves_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("figure.png");
    let begin = Instant::now();
    assert!(start(folder.path()).wait().unwrap().success());
    let whole = begin.elapsed();
    let new = fs::read(&target).unwrap();
    for (signal, number) in SIGNALS {
        for step in 0..8 {
            fs::write(&target, "old").unwrap();
            let mut child = start(folder.path());
            let sender = sender(signal, &child);
            std::thread::sleep(whole * step / 7);
            send(sender);
            check(folder.path(), child.wait().unwrap(), number, &new);
        }
    }
}

#[test]
fn a_signal_while_the_file_is_written_leaves_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("figure.png");
    assert!(start(folder.path()).wait().unwrap().success());
    let new = fs::read(&target).unwrap();
    for (signal, number) in SIGNALS {
        let mut stopped = 0;
        for _ in 0..6 {
            fs::write(&target, "old").unwrap();
            let mut child = start(folder.path());
            let sender = sender(signal, &child);
            let deadline = Instant::now() + Duration::from_secs(20);
            while !is_writing(folder.path()) && child.try_wait().unwrap().is_none() {
                assert!(Instant::now() < deadline, "nothing is written");
            }
            send(sender);
            let status = child.wait().unwrap();
            check(folder.path(), status, number, &new);
            stopped += i32::from(status.signal() == Some(number));
        }
        println!("{signal} came while the file was written in {stopped} of 6 runs");
    }
}

/// `nohup` lets a program continue after its terminal closes.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_is_ignored_stays_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_sukashi"))
        .args(["generate", "吾輩は", "-n", "60", "--device", "cpu"])
        .env("XDG_CACHE_HOME", folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let sender = sender("HUP", &child);
    std::thread::sleep(Duration::from_millis(80));
    send(sender);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
