//! Measures a long text: the speed of its prompt, of a token after it, and the memory of the process.
//!
//! Run: `SUKASHI_DEVICE=cpu cargo bench --bench context -- [--shape NAME] [--plot FILE.svg]`
//!
//! Each length runs in a process of its own, so that the peak of its memory is its own. The weights are random, which does not
//! change the work. `--plot` draws the milliseconds of a token by the length, and writes the numbers next to it as CSV.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use sukashi::figure::{Lang, LogChart, LogLine, Style, log_chart};
use sukashi::{BatchSession, Device, Session, bench};

const LENGTHS: [usize; 6] = [1024, 2048, 4096, 8192, 16_384, 32_768];
/// The tokens that are decoded at the end of a text, of which the median counts.
const DECODED: usize = 9;
/// The variable that tells a process the length that it measures.
const LENGTH: &str = "SUKASHI_BENCH_LENGTH";

/// What one process measures.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
struct Measured {
    /// The time for all tokens of the prompt.
    prompt_seconds: f64,
    /// The time for a token after them.
    decode_seconds: f64,
    /// The bytes of keys and values.
    kv_bytes: usize,
    /// The most memory that the process used, in bytes, where the system tells it.
    peak_bytes: Option<usize>,
}

fn main() {
    let shape = argument("--shape").unwrap_or_else(|| "gemma-3-270m:q8_0".into());
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "auto".into());
    let device = pollster::block_on(Device::request(&selector)).unwrap();
    if let Ok(length) = std::env::var(LENGTH) {
        let measured = measure(&device, &shape, length.parse().unwrap());
        println!("{}", serde_json::to_string(&measured).unwrap());
        return;
    }
    let info = device.info();
    let adapter = format!("{} · {} · {}", info.name, info.backend, info.driver);
    println!("{adapter}\n{shape}, random weights");
    println!(
        "{:>7}  {:>10}  {:>10}  {:>11}  {:>11}  {:>9}",
        "length", "prompt, s", "tokens/s", "decode, ms", "KV, MB", "peak, MB"
    );
    let (mut prompt, mut decode) = (Vec::new(), Vec::new());
    for length in LENGTHS {
        let Measured { prompt_seconds, decode_seconds, kv_bytes, peak_bytes } =
            in_its_own_process(&shape, length);
        println!(
            "{length:>7}  {prompt_seconds:>10.1}  {:>10.1}  {:>11.2}  {:>11.1}  {:>9}",
            length as f64 / prompt_seconds,
            1e3 * decode_seconds,
            1e-6 * kv_bytes as f64,
            peak_bytes.map_or_else(|| "?".into(), |bytes| format!("{:.0}", 1e-6 * bytes as f64)),
        );
        prompt.push([length as f64, 1e3 * prompt_seconds / length as f64]);
        decode.push([length as f64, 1e3 * decode_seconds]);
    }
    if let Some(path) = argument("--plot").map(PathBuf::from) {
        let line = |name: &str, points| LogLine { name: name.into(), points, is_reference: false };
        let chart = LogChart {
            title: "Time of a token by the length of the text".into(),
            notes: vec![shape, adapter],
            axes: ["tokens".into(), "ms per token".into()],
            lines: vec![line("decoded after the text", decode), line("of the prompt, on average", prompt)],
        };
        let figure = log_chart(&chart, &Style { lang: Lang::En, ..Style::default() }).unwrap();
        std::fs::write(&path, figure.svg()).unwrap();
        std::fs::write(path.with_extension("csv"), figure.data_csv()).unwrap();
        println!("\nwritten: {}", path.display());
    }
}

/// The argument after `flag`. Cargo adds flags of its own.
fn argument(flag: &str) -> Option<String> {
    let mut arguments = std::env::args().skip_while(|argument| argument != flag);
    arguments.next().map(|_| arguments.next().expect("an argument after the flag"))
}

fn in_its_own_process(shape: &str, length: usize) -> Measured {
    let program = std::env::current_exe().unwrap();
    let output =
        Command::new(program).args(["--shape", shape]).env(LENGTH, length.to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn measure(device: &Device, shape: &str, length: usize) -> Measured {
    let model = bench::synthetic(shape).unwrap().load(device, &mut |_, _| {}).unwrap();
    let spec = model.spec();
    let prompt = length - DECODED;
    let ids = Vec::from_iter((0..length).map(|index| ((index * 311 + 5) % spec.vocab_size) as u32));
    let mut session = Session::with_max_seq_len(&model, length).unwrap();
    let start = Instant::now();
    pollster::block_on(session.prefill(&ids[..prompt])).unwrap();
    let prompt_seconds = start.elapsed().as_secs_f64();
    let mut times = Vec::from_iter(ids[prompt..].iter().map(|&id| {
        let start = Instant::now();
        pollster::block_on(session.decode(id)).unwrap();
        start.elapsed().as_secs_f64()
    }));
    times.sort_by(f64::total_cmp);
    Measured {
        prompt_seconds,
        decode_seconds: times[DECODED / 2],
        kv_bytes: BatchSession::kv_bytes_per_token(&model) * length,
        peak_bytes: peak_bytes(),
    }
}

/// The most memory that this process used so far, as Linux tells it.
fn peak_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}
