//! `sukashi tune`: find out how a device computes a model fastest.

use sukashi::kernels::{GemvShape, Prefill};
use sukashi::{Device, Error};

use super::failure::{Outcome, print};
use super::subject::SubjectArgs;
use super::terminal::{Terminal, pad, width};
use super::tuning::run_fully;

/// Find out how a device computes a model fastest, and keep it for later runs
///
/// Tries every way to share rows among threads, every kernel for a prompt, and every way to bring a token's dispatches together, checks its results, and times it.
/// Other commands do this for a second when they meet a large model for the first time (--no-tune leaves it out); here it takes
/// as long as it takes. What is found is kept in the user's folder for caches, for this adapter, driver and version alone.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let device = args.subject.device()?;
    if matches!(device, Device::Cpu | Device::Twins) {
        return Err(Error::input("cannot tune the CPU: only adapters have kernels that take shapes")
            .hint("`sukashi adapters` lists what there is")
            .into());
    }
    let (model, _) = args.subject.load(&device, terminal)?;
    let products = model.products();
    let (tuning, path) = run_fully(&model, terminal)?;
    let names = [
        terminal.words("重み", "weights"),
        terminal.words("形", "shape"),
        terminal.words("プロンプト", "prompt"),
    ]
    .map(str::to_owned);
    let rows = products.iter().map(|product| {
        let shape = tuning.shape(product).unwrap_or_else(|| GemvShape::of(&device));
        let weights =
            format!("[{}, {}] {}", product.out_features, product.in_features, product.format.name());
        let prefill = tuning.prefill(product).unwrap_or_else(|| Prefill::of(&device));
        [weights, shape.to_string(), prefill.to_string()]
    });
    let table: Vec<[String; 3]> = std::iter::once(names).chain(rows).collect();
    let widest = |column: usize| table.iter().map(|row| width(&row[column])).fold(0, usize::max);
    let (first, second) = (widest(0), widest(1));
    let mut text = String::new();
    for [weights, shape, prefill] in &table {
        text += &format!("{}  {}  {prefill}\n", pad(weights, first), pad(shape, second));
    }
    if let Some(fusion) = tuning.fusion(&products) {
        text += &format!("\n{} {fusion}\n", terminal.words("融合:", "fused:"));
    }
    if let Some(path) = path {
        text += &format!("\n{} {}\n", terminal.words("保存先:", "kept in"), path.display());
    }
    print(&text)
}
