//! Measures how long each kind of figure takes from a record to SVG and to PNG at scale 2, on one core, and
//! how large its SVG is.
//!
//! `cargo bench --bench figures` prints a table and fails if a limit is exceeded.

#![expect(clippy::unwrap_used, reason = "the records are sound")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use sukashi::figure::{
    AttentionOptions, Budget, Compare, Figure, LogChart, LogLine, Logits, Metric, NextToken, Style,
    Temperatures, TextMode, Tokens, TopK, TraceOptions, attention, budget, compare, example, lens, log_chart,
    mixing, next_token, next_tokens, softmax, temperature, tokenizers, tokens, top_k, trace, trace_animation,
};
use sukashi::model::{Head, mix};
use sukashi::text::{TokenizerKind, Training};
use sukashi::{Device, Result, Trace};

/// The number of runs. Each time is their median.
const RUNS: usize = 9;

/// The limits of a kind: to SVG, and to PNG.
const LIMITS: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(400)];
/// The limits of the largest lens figure.
const LENS_LIMITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(1)];

/// The largest SVG of a next-token figure in bytes: as outlines, and with an embedded subset of the font.
const SIZES: [usize; 2] = [90_000, 25_000];

type Draw = Box<dyn Fn(&Style) -> Result<Figure>>;

fn main() -> ExitCode {
    let style = Style::default();
    let mut missed = 0;
    println!("{:<24} {:>9} {:>9} {:>9} {:>9}", "figure", "SVG", "PNG × 2", "paths", "embed");
    for (name, limits, draw) in kinds() {
        let figure = draw(&style).unwrap();
        let svg = median(|| draw(&style).unwrap().svg().len());
        let png = median(|| draw(&style).unwrap().png(2.0).unwrap().len());
        let sizes = [TextMode::Paths, TextMode::Embed].map(|mode| figure.svg_with(mode).len());
        println!(
            "{name:<24} {:>6.1} ms {:>6.1} ms {:>6.1} kB {:>6.1} kB",
            svg.as_secs_f64() * 1e3,
            png.as_secs_f64() * 1e3,
            sizes[0] as f64 / 1e3,
            sizes[1] as f64 / 1e3,
        );
        for (what, took, limit) in [("SVG", svg, limits[0]), ("PNG", png, limits[1])] {
            if took > limit {
                eprintln!("{name}: {what} took {took:.1?}, expected {limit:.1?} at most");
                missed += 1;
            }
        }
        if name == "next-token" && (sizes[0] > SIZES[0] || sizes[1] > SIZES[1]) {
            eprintln!("{name}: found {sizes:?} bytes, expected {SIZES:?} at most");
            missed += 1;
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn median<T>(work: impl Fn() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            std::hint::black_box(work());
            started.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}

/// Tokens of several kinds.
fn words(count: usize) -> Vec<&'static str> {
    const WORDS: [&str; 12] = [
        "吾輩",
        "は",
        " internationalization",
        "名前",
        "ま",
        "だ",
        " Привет",
        "首都",
        "\n",
        "。",
        " a",
        "東京",
    ];
    WORDS.iter().copied().cycle().take(count).collect()
}

fn kinds() -> Vec<(&'static str, [Duration; 2], Draw)> {
    let candidates: Vec<(&str, f32)> = "首都三大海都市最高国中心伝統的代表"
        .split_inclusive(|_| true)
        .zip((0..15).map(|rank| 9.0 - rank as f32 / 3.0))
        .collect();
    let step = |index: usize| example::step(3 + index, &candidates, 262_144, 900.0, Some(index % 15));
    let record =
        example::trace("gemma", "東京は日本の", &["東京", "は", "日本の"], (0..6).map(step).collect());
    let count = 15;
    let plain = NextToken { count, ..NextToken::default() };
    let of = |draw: fn(&Trace, &Style) -> Result<Figure>| -> Draw {
        let record = record.clone();
        Box::new(move |style| draw(&record, style))
    };
    let (one, two) = (record.clone(), record.clone());
    let several = plain.clone();
    let score = example::score_of(&words(200));
    let heads = example::attention_of(&words(24));
    let (small, large) = (example::lens_of(&words(12), 12), example::lens_of(&words(60), 26));
    let text = "東京は日本の首都です。パリはフランスの首都です。";
    let cuts = [TokenizerKind::Byte, TokenizerKind::CharBpe, TokenizerKind::ByteBpe].map(|kind| {
        let tokenizer = Training { kind, vocab_size: 300, ..Training::default() }.run([text]).unwrap();
        tokenizer.cut("tokenizer", text, false).unwrap()
    });
    let parts =
        ["system", "history", "evidence", "question", "answer"].map(|name| (name.to_owned(), 500)).to_vec();
    let names = ["Beijing", "Shanghai", "Guangzhou"].map(str::to_owned).to_vec();
    let x = vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 1.0]];
    let head = Head { names: names.clone(), q: x.clone(), k: x.clone(), v: x, causal: false };
    let mixed = pollster::block_on(mix(&Device::Cpu, head)).unwrap();
    let line = |slope: f64, is_reference| LogLine {
        name: format!("slope {slope}"),
        points: (7..14).map(|log| [f64::from(1 << log), slope * f64::from(log)]).collect(),
        is_reference,
    };
    let chart = LogChart { lines: vec![line(1.0, false), line(2.0, true)], ..LogChart::default() };
    let logits = Logits { names, logits: vec![3.0, 1.5, 0.5], temperatures: vec![0.5, 1.0, 2.0] };
    vec![
        ("next-token", LIMITS, Box::new(move |style: &Style| next_token(&one, &plain, style)) as Draw),
        ("next-tokens", LIMITS, Box::new(move |style| next_tokens(&[&two, &two, &two], &several, style))),
        ("compare", LIMITS, of(|record, style| compare([record, record], &Compare::default(), style))),
        (
            "top-k",
            LIMITS,
            of(|record, style| {
                let mut cut = record.clone();
                cut.sampling.top_k = Some(5);
                top_k(&cut, &TopK { count: 15, ..TopK::default() }, style)
            }),
        ),
        ("temperature", LIMITS, of(|record, style| temperature(record, &Temperatures::default(), style))),
        ("trace, 6 steps", LIMITS, of(|record, style| trace(record, &TraceOptions::default(), style))),
        (
            "trace, 1 frame",
            LIMITS,
            of(|record, style| {
                trace_animation(record, &TraceOptions { steps: 1, ..TraceOptions::default() }, 1.5, style)
            }),
        ),
        ("tokens, 200", LIMITS, Box::new(move |style| tokens(&score, &Tokens::default(), style))),
        (
            "attention, 4 × 24",
            LIMITS,
            Box::new(move |style| {
                attention(&heads, &AttentionOptions { layer: 2, ..AttentionOptions::default() }, style)
            }),
        ),
        ("lens, 12 × 12", LIMITS, Box::new(move |style| lens(&small, Metric::Prob, style))),
        ("lens, 26 × 60", LENS_LIMITS, Box::new(move |style| lens(&large, Metric::Prob, style))),
        ("tokenizers, 3", LIMITS, Box::new(move |style| tokenizers(text, &cuts, style))),
        (
            "budget",
            LIMITS,
            Box::new(move |style| {
                budget(&Budget { context: 4_096, parts: parts.clone(), tokenizer: None }, style)
            }),
        ),
        ("log chart, 2 lines", LIMITS, Box::new(move |style| log_chart(&chart, style))),
        ("softmax", LIMITS, Box::new(move |style| softmax(&logits, style))),
        ("mixing", LIMITS, Box::new(move |style| mixing(&mixed, style))),
    ]
}
