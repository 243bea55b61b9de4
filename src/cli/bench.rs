//! `sukashi bench`: measures a model's speed beside the speed that the device could reach.

use sukashi::bench::{self, BenchSettings, Chosen, KernelTime, Report, Spread};
use sukashi::figure::Lang;
use sukashi::{Error, shown};

use super::args::at_least_one;
use super::failure::Outcome;
use super::output::{print, print_data};
use super::progress::Progress;
use super::share;
use super::subject::SubjectArgs;
use super::terminal::{Terminal, aligned, pad, width};
use super::tuning::{self, TuningArgs};

/// Measure how fast a model runs, and compare that with the device's limits
///
/// The command reads a prompt and decodes tokens after it, several times, and prints the medians. In the same run, it measures
/// how fast the device reads memory and multiplies. Both give the roofline: the speed of decoding if the device only read the
/// weights and multiplied them. Other programs that run at the same time lower all numbers.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Use a prompt of N tokens
    #[arg(long, value_name = "N", default_value_t = 128, help_heading = "Measurement")]
    prompt_tokens: usize,
    /// Decode N tokens after the prompt
    #[arg(long, value_name = "N", default_value_t = 64, help_heading = "Measurement")]
    new_tokens: usize,
    /// Measure N times
    #[arg(long, value_name = "N", default_value_t = 5, help_heading = "Measurement")]
    runs: usize,
    #[command(flatten)]
    tuning: TuningArgs,
    /// Also list each kernel's share of the time for a token
    #[arg(long, help_heading = "Output")]
    profile: bool,
    /// Also decode N texts together, up to 64, and compare the speed with that of one text
    #[arg(long, value_name = "N", help_heading = "Measurement", hide_short_help = true)]
    batch: Option<usize>,
    /// Print text, or json: one document of the schema `sukashi.bench/2`
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    format: Format,
    /// Print a report in Markdown, to be pasted where GPUs are compared: also the kernels' shares, and the errors that verify finds
    ///
    /// The report names the adapter, its driver and the model, and holds no path and no text.
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    share: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let Args { prompt_tokens, new_tokens, runs, share, .. } = *args;
    let profile = args.profile || share;
    if let Some(texts) = args.batch {
        at_least_one("--batch", texts)?;
    }
    for (flag, count) in [("--prompt-tokens", prompt_tokens), ("--new-tokens", new_tokens), ("--runs", runs)]
    {
        at_least_one(flag, count)?;
    }
    let texts = args.batch.unwrap_or(0);
    let settings = BenchSettings { prompt_tokens, new_tokens, runs, profile, texts };
    let (model, load_time) = args.subject.load(|| args.subject.device(terminal), terminal)?;
    let model = tuning::prepare(model, &args.tuning, terminal)?;
    let mut progress = Progress::new(terminal.words("計測中", "measuring"));
    let report = pollster::block_on(bench::run(&model, load_time, settings, &mut |done, total| {
        progress.set(done, total);
    }))?;
    drop(progress);
    match args.format {
        _ if share => print(&share::markdown(&model, &report, terminal)?),
        Format::Text => print(&text(&report, terminal)),
        Format::Json => {
            let json = serde_json::to_string_pretty(&report)
                .map_err(|cause| Error::input("cannot write the report as JSON").caused_by(cause))?;
            print_data(&format!("{json}\n"))
        }
    }
}

fn text(report: &Report, terminal: &Terminal) -> String {
    let info = &report.adapter;
    let is_japanese = terminal.lang == Lang::Ja;
    let runs = match (report.runs, is_japanese) {
        (runs, true) => format!("{runs} 回"),
        (1, false) => "1 run".to_owned(),
        (runs, false) => format!("{runs} runs"),
    };
    let spread = |spread: Spread| {
        let [median, min, max] = [spread.median, spread.min, spread.max].map(short);
        if is_japanese {
            format!("{median}（{min}～{max}、{runs}）")
        } else {
            format!("{median} ({min} to {max}, {runs})")
        }
    };
    let giga = |value: f64| short(value * 1e-9);
    let (cost, rates, roofline) = (report.cost, report.rates, report.roofline);
    let bound = match (roofline.bound_by, is_japanese) {
        ("read", true) => "読み出しで決まる",
        (_, true) => "演算で決まる",
        ("read", false) => "bound by reading",
        (_, false) => "bound by arithmetic",
    };
    let per_second = terminal.words("トークン/秒", "tokens/s");
    let mut rows = vec![
        (terminal.words("モデル", "model"), format!("{} · {}", report.model, report.precision)),
        (terminal.words("装置", "device"), format!("{} · {} · {}", info.name, info.backend, info.driver)),
        (
            terminal.words("選択", "choices"),
            choices(
                report,
                terminal.words("なし（CPU の計算方法は 1 つ）", "none: the CPU has one way to compute"),
            ),
        ),
        (terminal.words("読み込み", "load"), format!("{} ms", short(report.load_ms))),
        (terminal.words("シェーダーの準備", "shaders"), format!("{} ms", short(report.compile_ms))),
        (
            terminal.words("最初のトークン", "first token"),
            match is_japanese {
                true => format!(
                    "{} ms · プロンプト {} トークン",
                    short(report.first_token_ms.median),
                    report.prompt_tokens
                ),
                false => {
                    format!("{} ms · prompt of {}", short(report.first_token_ms.median), report.prompt_tokens)
                }
            },
        ),
        (
            terminal.words("プロンプトの読み取り", "prefill"),
            format!("{per_second} {}", spread(report.prefill_tokens_per_second)),
        ),
        (
            terminal.words("生成", "decode"),
            format!("{per_second} {}", spread(report.decode_tokens_per_second)),
        ),
        (
            terminal.words("1 トークンあたり", "per token"),
            match is_japanese {
                true => format!(
                    "重み {} MB · 積和 {} M · ディスパッチ {}",
                    short(cost.weight_bytes as f64 * 1e-6),
                    short(cost.multiply_adds as f64 * 1e-6),
                    cost.dispatches
                ),
                false => format!(
                    "{} MB of weights · {} M multiply-adds · {} dispatches",
                    short(cost.weight_bytes as f64 * 1e-6),
                    short(cost.multiply_adds as f64 * 1e-6),
                    cost.dispatches
                ),
            },
        ),
        (terminal.words("装置の読み出し", "device reads"), format!("{} GB/s", giga(rates.read_bytes))),
        (
            terminal.words("装置の積和", "device computes"),
            match is_japanese {
                true => format!("f32 {} G/s", giga(rates.f32_multiply_adds)),
                false => format!("{} G/s multiply-adds of f32", giga(rates.f32_multiply_adds)),
            },
        ),
        (
            terminal.words("ルーフライン", "roofline"),
            format!("{per_second} {} · {bound}", short(roofline.tokens_per_second)),
        ),
        (
            terminal.words("達成率", "reached"),
            match is_japanese {
                true => format!("ルーフラインの {:.0}%", 100.0 * roofline.fraction),
                false => format!("{:.0}% of the roofline", 100.0 * roofline.fraction),
            },
        ),
    ];
    if let Some(together) = report.together {
        let rate = spread(together.decode_tokens_per_second);
        let (texts, gain) = (together.texts, short(together.gain));
        let value = match is_japanese {
            true => format!("{per_second} {rate} · {texts} 本 · 1 本ずつの {gain} 倍"),
            false => format!("{per_second} {rate} · {texts} texts · {gain} times one alone"),
        };
        rows.push((terminal.words("まとめて生成", "decode together"), value));
    }
    let label_width = rows.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
    let mut text: String = rows
        .iter()
        .map(|(label, value)| format!("{}  {}\n", pad(label, label_width), shown::line(value)))
        .collect();
    if let Some(profile) = &report.profile {
        text += &format!("\n{}", table(profile, terminal));
    }
    text
}

/// The kernels that were chosen, or `none` for the CPU, which has no choice.
pub fn choices(report: &Report, none: &str) -> String {
    let Chosen { gemv, prefill, fusion } = &report.choices;
    match report.adapter.backend.as_str() {
        "cpu" => none.to_owned(),
        _ => format!("{} · {} · fusion:{fusion}", gemv.join(", "), prefill.join(", ")),
    }
}

/// A line for each kernel and shape, the most expensive first.
fn table(profile: &[KernelTime], terminal: &Terminal) -> String {
    let names = match terminal.lang {
        Lang::Ja => ["カーネル", "重み", "回数", "ms", "割合", "GB/s"],
        Lang::En => ["kernel", "weights", "times", "ms", "share", "GB/s"],
    };
    let mut lines = vec![names.map(str::to_owned).to_vec()];
    for row in profile {
        lines.push(vec![
            row.kernel.to_owned(),
            row.shape.clone().unwrap_or_default(),
            row.dispatches.to_string(),
            format!("{:.3}", row.ms),
            format!("{:.1}%", 100.0 * row.share),
            row.read_bytes.map_or_else(|| "–".to_owned(), |bytes| format!("{:.2}", bytes * 1e-9)),
        ]);
    }
    aligned(&lines, 2)
}

/// Formats a number with three significant digits.
pub fn short(value: f64) -> String {
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}
