//! The caches in which runs store data for later runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sukashi::Gpu;
use sukashi::tuning::Tuning;

use super::adapters::gpus;
use super::{message, names, program};

/// The name of a substitute for a file, and a function that makes it.
type Impostor = (&'static str, fn(&Path));

const IMPOSTORS: [Impostor; 5] = [
    ("pipe", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
    ("device", |path| symlink("/dev/zero", path).unwrap()),
    ("folder", |path| fs::create_dir(path).unwrap()),
    ("1 GB", |path| fs::File::create(path).unwrap().set_len(1 << 30).unwrap()),
    ("dangling link", |path| symlink("nothing", path).unwrap()),
];

#[test]
fn a_stored_tuning_that_is_no_file_is_an_error_at_once() {
    for (what, put) in IMPOSTORS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tuning.json");
        put(&path);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn({
            let path = path.clone();
            move || {
                // The receiver may have given up, which is a failure already.
                let _ = sender.send(Tuning::read(&path, "key"));
            }
        });
        let read =
            receiver.recv_timeout(Duration::from_secs(10)).unwrap_or_else(|_| panic!("{what}: no answer"));
        match what {
            "dangling link" => assert!(read.unwrap().is_none()),
            _ => assert!(read.is_err(), "{what}"),
        }
        // A write replaces only regular files.
        let written = Tuning::default().write(&path, "key");
        assert_eq!(written.is_ok(), matches!(what, "1 GB" | "dangling link"), "{what}: {written:?}");
    }
}
use crate::skip::skip;

#[test]
fn compiled_pipelines_that_are_no_file_are_an_error_at_once() {
    if gpus().is_empty() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let open = || {
        let gpu = pollster::block_on(Gpu::request("0")).unwrap().unwrap();
        let kept = gpu.keep_pipelines(cache.path());
        // Closing the device writes the cache.
        drop(gpu);
        kept
    };
    open().unwrap();
    let [name] = &names(cache.path())[..] else {
        skip("the first adapter hands no pipelines out");
        return;
    };
    let path = cache.path().join(name);
    for (what, put) in IMPOSTORS {
        let _ = fs::remove_file(&path);
        let _ = fs::remove_dir(&path);
        put(&path);
        // The program reports the fault and continues.
        assert_eq!(open().is_err(), matches!(what, "pipe" | "device" | "folder"), "{what}");
    }
}

#[test]
fn two_processes_share_the_cache_of_pipelines() {
    if gpus().is_empty() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let start = || {
            let mut command = program(cache.path());
            let args = ["generate", "吾輩は", "-n", "2", "--device", "0"];
            command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let runs = [start(), start()].map(|child| child.wait_with_output().unwrap());
        for run in &runs {
            assert!(run.status.success(), "{}", message(run));
            assert!(!message(run).contains("damaged"), "{}", message(run));
            assert_eq!(run.stdout, runs[0].stdout);
        }
        let folder = cache.path().join("sukashi/pipelines");
        if folder.exists() {
            assert_eq!(names(&folder).len(), 1, "one file, and no temporary one");
        }
    }
}

#[test]
fn two_writers_of_a_tuning_leave_one_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some/tuning.json");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    Tuning::default().write(&path, "key").unwrap();
                    assert!(Tuning::read(&path, "key").unwrap().is_some());
                }
            });
        }
    });
    assert_eq!(names(path.parent().unwrap()), ["tuning.json"]);
}
