//! Measures how long each kind of figure takes from a record to SVG and to PNG at scale 2, on one core, and
//! how large its SVG is.
//!
//! `cargo bench --bench figures` prints a table and fails if a limit is exceeded.

#![expect(clippy::unwrap_used, reason = "the records are sound")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use sukashi::Result;
use sukashi::figure::KINDS;
use sukashi::figure::{
    AttentionOptions, Figure, Metric, Style, TextMode, Tokens, TraceOptions, attention, example, lens,
    tokens, trace_animation,
};

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
    let record = example::saying(&words(15));
    let score = example::score_of(&words(200));
    let heads = example::attention_of(&words(24));
    let (small, large) = (example::lens_of(&words(12), 12), example::lens_of(&words(60), 26));
    let one = TraceOptions { steps: 1, ..TraceOptions::default() };
    let layer = AttentionOptions { layer: 2, ..AttentionOptions::default() };
    // Every kind, of few words: some draw a matrix of them.
    let all = KINDS.iter().flat_map(|kind| kind.examples);
    let mut kinds: Vec<(&str, _, Draw)> = all
        .map(|example| -> (_, _, Draw) {
            (example.name, LIMITS, Box::new(|style| example.of_words(&words(5), style)))
        })
        .collect();
    let large: [(&str, _, Draw); 5] = [
        ("trace, 1 frame", LIMITS, Box::new(move |style| trace_animation(&record, &one, 1.5, style))),
        ("tokens, 200", LIMITS, Box::new(move |style| tokens(&score, &Tokens::default(), style))),
        ("attention, 4 × 24", LIMITS, Box::new(move |style| attention(&heads, &layer, style))),
        ("lens, 12 × 12", LIMITS, Box::new(move |style| lens(&small, Metric::Prob, style))),
        ("lens, 26 × 60", LENS_LIMITS, Box::new(move |style| lens(&large, Metric::Prob, style))),
    ];
    kinds.extend(large);
    kinds
}
