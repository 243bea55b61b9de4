//! Measures one attention layer at several lengths of text.
//!
//! Run: `cargo bench --bench attention [-- --plot FILE.svg]`
//!
//! `SUKASHI_DEVICE` chooses the device. Times are medians, from the adapter's timestamps if it has them. The
//! time of a decoded token includes the cost of a dispatch, and of the merge if the text is split. A prompt's
//! tokens are grouped as a session groups them. `--plot` draws the cost of a decoded token, and writes the
//! numbers next to it as CSV.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]

use std::path::PathBuf;

use sukashi::device::Tensor;
use sukashi::dispatch::Batch;
use sukashi::figure::{Lang, LogChart, LogLine, Style, log_chart};
use sukashi::kernels::{self, AttentionShape, AttentionTile, Caches, Choices, Plan};
use sukashi::model::{DecoderSpec, prefill_tokens};
use sukashi::{Device, bench};

const LENGTHS: [usize; 7] = [128, 256, 512, 1024, 2048, 4096, 8192];
const RUNS: usize = 9;
/// The keys and values that are read in turn, in bytes. Like a model's layers together, they do not fit into
/// the processor's caches even for a short text.
const KV_BYTES: usize = 64 << 20;
/// The largest number of layers.
const MAX_LAYERS: usize = 32;

/// The names of the models and of their shapes.
const MODELS: [(&str, &str); 2] = [("Gemma 3 270M", "gemma-3-270m"), ("Llama 3.2 1B", "llama-3.2-1b")];

fn main() {
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "auto".into());
    let device = pollster::block_on(Device::request(&selector)).unwrap();
    let info = device.info();
    let adapter = format!("{} · {} · {}", info.name, info.backend, info.driver);
    println!("{adapter}");
    let mut lines = Vec::new();
    for (name, shape) in MODELS {
        let model = bench::synthetic(shape).unwrap();
        let spec = model.spec();
        println!(
            "\n{name}, {} heads on {} of {}, without a window",
            spec.num_heads, spec.num_kv_heads, spec.head_dim
        );
        lines.extend(decode(&device, name, spec));
        prefill(&device, spec);
    }
    if let Some(path) = plot_path() {
        let chart = LogChart {
            title: "Cost of attention per decoded token".into(),
            notes: vec!["one layer with full attention".into(), adapter],
            axes: ["positions in the KV cache".into(), "ms per token".into()],
            lines,
        };
        let figure = log_chart(&chart, &Style { lang: Lang::En, ..Style::default() }).unwrap();
        std::fs::write(&path, figure.svg()).unwrap();
        std::fs::write(path.with_extension("csv"), figure.data_csv()).unwrap();
        println!("\nwritten: {}", path.display());
    }
}

/// The argument after `--plot`. Cargo adds flags of its own.
fn plot_path() -> Option<PathBuf> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--plot");
    arguments.next().map(|_| PathBuf::from(arguments.next().expect("a file after --plot")))
}

/// Prints a token's cost at each length, and returns it as a line, with a reference line that is proportional
/// to the bytes of the keys and values.
fn decode(device: &Device, name: &str, spec: &DecoderSpec) -> [LogLine; 2] {
    println!("{:>6}  {:>10}  {:>12}  {:>8}", "length", "µs/token", "ns/position", "GB/s");
    let mut points = Vec::new();
    for length in LENGTHS {
        let seconds = measure(device, spec, 1, length);
        // Keys and values in f32.
        let bytes = 2 * 4 * spec.num_kv_heads * spec.head_dim * length;
        println!(
            "{length:>6}  {:>10.1}  {:>12.1}  {:>8.2}",
            1e6 * seconds,
            1e9 * seconds / length as f64,
            1e-9 * bytes as f64 / seconds
        );
        points.push([length as f64, 1e3 * seconds]);
    }
    let [[first, cost], ..] = points[..] else { panic!("there are lengths") };
    let as_bytes = LENGTHS.map(|length| [length as f64, cost * length as f64 / first]).to_vec();
    [
        LogLine { name: name.into(), points, is_reference: false },
        LogLine { name: "proportional to KV bytes".into(), points: as_bytes, is_reference: true },
    ]
}

/// Prints the cost of a prompt's tokens at each length.
fn prefill(device: &Device, spec: &DecoderSpec) {
    println!("{:>6}  {:>10}  {:>12}  {:>8}", "length", "together", "ms/dispatch", "µs/token");
    for length in LENGTHS {
        let mut num_tokens = prefill_tokens(device, spec, 0);
        while num_tokens > 1 && prefill_tokens(device, spec, length - num_tokens) < num_tokens {
            num_tokens -= 1;
        }
        let seconds = measure(device, spec, num_tokens, length);
        let per_token = 1e6 * seconds / num_tokens as f64;
        println!("{length:>6}  {num_tokens:>10}  {:>12.1}  {per_token:>8.1}", 1e3 * seconds);
    }
}

/// The seconds that a layer takes for a pass whose last token sees `length` positions.
fn measure(device: &Device, spec: &DecoderSpec, num_tokens: usize, length: usize) -> f64 {
    let shape = AttentionShape {
        num_heads: spec.num_heads,
        num_kv_heads: spec.num_kv_heads,
        head_dim: spec.head_dim,
        scale: 1.0 / (spec.head_dim as f32).sqrt(),
        window: None,
        softcap: None,
    };
    // Values between -1 and 1 give varied scores, as in a real text.
    let values = |rows: usize, columns: usize| {
        let values: Vec<f32> = (0..rows * columns).map(|index| (index % 1009) as f32 / 504.5 - 1.0).collect();
        Tensor::from_slice(device, "values", &values, rows, columns).unwrap()
    };
    let num_layers = (KV_BYTES / (2 * 4 * length * shape.kv_size())).clamp(1, MAX_LAYERS);
    let qkv = values(num_tokens, shape.qkv_size());
    let y = Tensor::zeros(device, "y", num_tokens, shape.num_heads * shape.head_dim).unwrap();
    let partials = AttentionTile::partials(device, shape.num_heads, shape.head_dim, length);
    let partials = Tensor::zeros(device, "partials", 1, partials).unwrap();
    let mut plan = Plan::new(device, &Choices::of(device), num_tokens);
    let rows: Vec<f32> =
        (0..num_tokens).map(|token| f32::from_bits((length - num_tokens + token) as u32)).collect();
    let rows = Tensor::from_slice(device, "cache_rows", &rows, 1, num_tokens).unwrap();
    for _ in 0..num_layers {
        let (k_cache, v_cache) = (values(length, shape.kv_size()), values(length, shape.kv_size()));
        let caches =
            Caches { k_cache: &k_cache, v_cache: &v_cache, cache_rows: rows.buffer(), max_seq_len: length };
        kernels::attention(&mut plan, &shape, &qkv, caches, &partials, &y);
    }
    let program = device.compile(&plan.lower().unwrap().recording).unwrap();
    let position = (length - num_tokens) as u32;
    let batch = Batch { position, num_tokens: num_tokens as u32, ..Batch::default() };
    let mut seconds: Vec<f64> =
        (0..RUNS).map(|_| pollster::block_on(program.profile(batch)).unwrap().iter().sum()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[RUNS / 2] / num_layers as f64
}
