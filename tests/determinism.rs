//! The same command prints and writes the same bytes: on one, two and all threads, and while the machine is busy.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod adapters;
mod skip;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// The commands that print numbers of a model or of a text. OUT is a file that the test compares too.
const COMMANDS: &[&[&str]] = &[
    &["next", "吾輩は", "--top", "20", "--format", "json"],
    &["generate", "吾輩は", "-n", "30", "--temperature", "0.9", "--top-p", "0.95", "--seed", "7"],
    &["generate", "吾輩は", "-n", "12", "--greedy"],
    &["generate", "--batch", "BATCH", "-n", "8", "--temperature", "1.1", "--top-k", "40"],
    &["trace", "吾輩は", "-n", "6", "--seed", "3", "--format", "json"],
    &["score", "吾輩は猫である", "--format", "json"],
    &["dump", "吾輩は", "-o", "OUT.safetensors", "--capture", "logits,hidden_states,attentions"],
    &["figure", "next-token", "吾輩は", "-o", "OUT.svg"],
    &["figure", "temperature", "吾輩は", "-o", "OUT.svg"],
    &["figure", "sampling", "吾輩は", "--top-k", "8", "-o", "OUT.json"],
    &["figure", "trace", "吾輩は", "-n", "4", "-o", "OUT.png"],
    &["figure", "tokens", "吾輩は猫である", "-o", "OUT.csv"],
    &["figure", "attention", "吾輩は猫である", "-o", "OUT.svg"],
    &["figure", "lens", "吾輩は", "-o", "OUT.svg"],
];

/// The commands without a model. One device is enough for them.
const WITHOUT_MODEL: &[&[&str]] = &[
    &["next", "吾輩は", "--bigram", "TEXT", "--format", "json"],
    &["tokenize", "吾輩は猫である", "--train", "TEXT", "-o", "OUT.json"],
    &["figure", "bpe", "吾輩は猫", "--train", "TEXT", "-o", "OUT.svg"],
    &["figure", "softmax", "--logits", "3,1.5,0.5", "-o", "OUT.svg"],
    &["figure", "mixing", "--x", "1,0;0,1;1,1", "-o", "OUT.svg"],
];

const TEXT: &str = "吾輩は猫である。名前はまだ無い。\nどこで生れたか頓と見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。\n";

/// The output of a command, and the file that it writes.
fn run(args: &[&str], device: Option<&str>, num_threads: Option<usize>) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("text.txt"), TEXT.repeat(4)).unwrap();
    let lines = [
        "{\"prompt\": \"吾輩は\", \"seed\": 1}",
        "{\"prompt\": \"猫\", \"seed\": 2}",
        "{\"prompt\": \"名前はまだ\"}",
    ];
    std::fs::write(path("batch.jsonl"), lines.join("\n")).unwrap();
    let args = args.iter().map(|arg| match *arg {
        "TEXT" => path("text.txt"),
        "BATCH" => path("batch.jsonl"),
        arg if arg.starts_with("OUT") => path(arg),
        arg => arg.to_owned(),
    });
    let args: Vec<String> = args.collect();

    let mut command = Command::new(env!("CARGO_BIN_EXE_sukashi"));
    command.args(&args).args(["--lang", "ja"]).stdin(Stdio::null()).current_dir(folder.path());
    if let Some(device) = device {
        command.args(["--device", device]);
    }
    if let Some(num_threads) = num_threads {
        // The CPU device and Mesa's software adapters.
        command
            .env("RAYON_NUM_THREADS", num_threads.to_string())
            .env("LP_NUM_THREADS", num_threads.to_string());
    }
    let output = command.output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {message}");
    let written = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let written: Vec<_> = written.filter(|path| name(path).starts_with("OUT")).collect();
    assert!(written.len() <= 1, "{written:?}");
    let bytes = written.first().map(|path| std::fs::read(path).unwrap()).unwrap_or_default();
    assert!(!output.stdout.is_empty() || !bytes.is_empty(), "{args:?} gave nothing");
    // A path differs from run to run.
    let folder = folder.path().to_str().unwrap();
    (String::from_utf8_lossy(&output.stdout).replace(folder, "").into_bytes(), bytes)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[track_caller]
fn repeats(commands: &[&[&str]], device: Option<&str>) {
    for args in commands {
        same_on_any_threads(args, |num_threads| run(args, device, num_threads));
    }
}

/// Asserts that a run gives the same on one thread, on two and under load as on all threads of a quiet machine.
#[track_caller]
fn same_on_any_threads<T: PartialEq>(args: &[&str], mut run: impl FnMut(Option<usize>) -> T) {
    let want = run(None);
    for num_threads in [1, 2] {
        assert!(run(Some(num_threads)) == want, "{args:?} on {num_threads} threads");
    }
    assert!(under_load(|| run(None)) == want, "{args:?} under load");
}

/// Runs `run` while every core has twice the work that it can do.
fn under_load<T>(run: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    let num_busy = 2 * std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..num_busy {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let result = run();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

#[test]
fn commands_on_the_cpu_repeat_to_the_byte() {
    repeats(COMMANDS, Some("cpu"));
}

#[test]
fn commands_without_a_model_repeat_to_the_byte() {
    repeats(WITHOUT_MODEL, None);
}

#[test]
fn commands_on_an_adapter_repeat_to_the_byte() {
    if !adapters::gpus().is_empty() {
        // One of each kind of run.
        repeats(&COMMANDS[..7], Some("0"));
    }
}

#[test]
#[should_panic(expected = "on 2 threads")]
fn what_depends_on_the_threads_fails_the_check() {
    same_on_any_threads(&[], |num_threads| num_threads == Some(2));
}

#[test]
#[should_panic(expected = "under load")]
fn what_depends_on_the_load_fails_the_check() {
    let mut runs = 0;
    same_on_any_threads(&[], |_| {
        runs += 1;
        runs == 4
    });
}
