//! `sukashi tune`: find out how a device computes a model fastest.

use sukashi::kernels::{GemvShape, Prefill, Product};
use sukashi::tuning::Quality;
use sukashi::{Device, Error, ErrorKind, Model};

use super::failure::Outcome;
use super::output::print;
use super::subject::SubjectArgs;
use super::terminal::{Terminal, aligned};
use super::tuning::{Found, Int8, run_fully};

/// Find out how a device computes a model fastest, and keep it for later runs
///
/// Tries every way to share rows among threads, every kernel for a prompt, and every way to bring a token's dispatches together,
/// checks its results, and times it. Other commands do this for a second when they meet a large model for the first time
/// (--no-tune leaves it out); here it takes as long as it takes. What is found is kept in the user's folder for caches, for this
/// adapter, driver and version alone.
///
/// Numbers stay what they are, unless --activations int8 asks for more speed: then `generate` and `bench` decode this model with
/// activations rounded to 8 bits, if that is faster here and predictions stay close, which is measured on a text and printed.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
    /// f32, or int8: also try products with activations rounded to 8 bits, and keep that if predictions stay close; f32 takes it back
    #[arg(long, value_name = "FORMAT", default_value = "f32", hide_possible_values = true)]
    activations: Activations,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Activations {
    F32,
    Int8,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let device = args.subject.device()?;
    if matches!(device, Device::Cpu | Device::Twins) {
        return Err(Error::input("cannot tune the CPU: only adapters have kernels that take shapes")
            .hint("`sukashi adapters` lists what there is")
            .into());
    }
    let (model, _) = args.subject.load(&device, terminal)?;
    let rounds = args.activations == Activations::Int8;
    if rounds {
        check_quants(&model)?;
    }
    let Found { tuning, int8, path } = run_fully(&model, rounds, terminal)?;
    let products = model.products();
    let shape = |product: &Product| tuning.shape(product).unwrap_or_else(|| GemvShape::of(&device));
    let heading = [
        terminal.words("重み", "weights"),
        terminal.words("プロンプト", "prompt"),
        terminal.words("形", "shape"),
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for product in &products {
        let Product { out_features, in_features, format, .. } = product;
        let weights = format!("[{out_features}, {in_features}] {}", format.name());
        let prefill = tuning.prefill(product).unwrap_or_else(|| Prefill::of(&device));
        let mut row = vec![weights, prefill.to_string(), shape(product).to_string()];
        if let Some(faster) = int8.as_ref().and_then(|int8| int8.shapes.get(product)) {
            row.push(faster.to_string());
        }
        rows.push(row);
    }
    let mut text = aligned(&rows, 3);
    if let Some(fusion) = tuning.fusion(&products) {
        text += &format!("\n{} {fusion}\n", terminal.words("融合:", "fused:"));
    }
    if let Some(quality) = int8.as_ref().and_then(|int8| int8.quality) {
        text += &format!("\n{}", table(&quality, terminal));
    }
    if let Some(path) = path {
        text += &format!("\n{} {}\n", terminal.words("保存先:", "kept in"), path.display());
    }
    print(&text)?;
    match int8 {
        Some(int8) => say(&int8, terminal),
        None => Ok(()),
    }
}

/// Whether there is anything that could be computed with integers.
fn check_quants(model: &Model) -> Outcome {
    if model.products().iter().any(Product::is_of_quants) {
        return Ok(());
    }
    let precision = model.info()?.precision;
    Err(Error::input(format!("cannot use int8 activations: {} has no quantised weights", model.name()))
        .detail(format!(
            "found weights in {precision}, expected q8_0, q4_k or another format of integers in some of them"
        ))
        .into())
}

/// What rounding changes.
fn table(quality: &Quality, terminal: &Terminal) -> String {
    let Quality { num_tokens, top1_agreement, mean_kl, max_kl, .. } = *quality;
    let rate = |seconds: f64| format!("{:.1}", (num_tokens.max(2) - 1) as f64 / seconds);
    let row = |name: &str, cells: [String; 2]| [vec![name.to_owned()], cells.to_vec()].concat();
    let tokens = format!("{num_tokens} {}", terminal.words("トークン", "tokens"));
    let rows = [
        row(&tokens, ["f32", "int8"].map(str::to_owned)),
        row(
            terminal.words("パープレキシティ", "perplexity"),
            [quality.reference_perplexity, quality.tested_perplexity].map(|value| format!("{value:.3}")),
        ),
        row(
            terminal.words("トークン/秒", "tokens/s"),
            [rate(quality.reference_seconds), rate(quality.tested_seconds)],
        ),
        row(
            terminal.words("最上位の一致", "same top token"),
            [format!("≥ {:.1}%", 100.0 * Quality::MIN_AGREEMENT), format!("{:.1}%", 100.0 * top1_agreement)],
        ),
        row(
            terminal.words("KL の平均（ナット）", "mean KL in nats"),
            [format!("≤ {}", Quality::MAX_MEAN_KL), format!("{mean_kl:.5}")],
        ),
        row(terminal.words("KL の最大", "largest KL"), [String::new(), format!("{max_kl:.5}")]),
    ];
    aligned(&rows, 1)
}

/// Whether later runs round, and if not, why.
fn say(int8: &Int8, terminal: &Terminal) -> Outcome {
    let why = match &int8.quality {
        Some(_) if int8.is_kept() => {
            return print(terminal.words(
                "このモデルの generate と bench は、これから int8 のアクティベーションで動きます (戻すには sukashi tune)\n",
                "`generate` and `bench` decode this model with int8 activations from now on (`sukashi tune` takes that back)\n",
            ));
        }
        Some(quality) if !quality.passes() => {
            terminal.words("予測が変わりすぎます", "predictions change too much")
        }
        Some(_) => terminal.words("全体としては速くなりません", "decoding is no faster as a whole"),
        None => terminal.words("速くなる積がありません", "no product is faster"),
    };
    let what = terminal.words("int8 のアクティベーションは使いません", "int8 activations are not kept");
    Err(Error::new(ErrorKind::Computation, format!("{what}: {why}")).into())
}
