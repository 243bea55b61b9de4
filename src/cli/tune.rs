//! `sukashi tune`: find the fastest shapes of a model's products on a device.

use std::path::PathBuf;

use sukashi::kernels::GemvShape;
use sukashi::{Device, Error, Model, bench};

use super::failure::{Outcome, print};
use super::model::open_model;
use super::progress::Progress;
use super::terminal::{Terminal, pad, width};
use super::tuning::run_fully;

/// Find out how a device computes a model's products fastest, and keep it for later runs
///
/// Tries every way to share rows among threads, checks its results, and times it. Other commands do this for a second when they
/// meet a large model for the first time (--no-tune leaves it out); here it takes as long as it takes. What is found is kept in
/// the user's folder for caches, for this adapter, driver and version alone.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .gguf file, a folder, or a model to download [default: the model in the program]
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// A known shape instead of a model, such as gemma-3-1b:f16
    #[arg(long, value_name = "SHAPE:FORMAT", conflicts_with = "model")]
    synthetic: Option<String>,
    /// auto, or an index, a backend or part of a name that `sukashi adapters` lists
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let device = pollster::block_on(Device::request(&args.device))?;
    if matches!(device, Device::Cpu | Device::Twins) {
        return Err(Error::input("cannot tune the CPU: only adapters have kernels that take shapes")
            .hint("`sukashi adapters` lists what there is")
            .into());
    }
    let files = match &args.synthetic {
        Some(name) => bench::synthetic(name)?,
        None => open_model(args.model.as_deref(), terminal)?,
    };
    let mut progress = Progress::new(terminal.words("読み込み中", "loading"));
    let model = Model::from_files(&device, files, &mut |done, total| progress.set(done, total))?;
    drop(progress);
    let products = model.products();
    let (tuning, path) = run_fully(&device, &products, terminal)?;
    let names = [terminal.words("重み", "weights"), terminal.words("形", "shape")];
    let rows: Vec<[String; 2]> = products
        .iter()
        .map(|product| {
            let shape = tuning.shape(product).unwrap_or_else(|| GemvShape::of(&device));
            let weights =
                format!("[{}, {}] {}", product.out_features, product.in_features, product.format.name());
            [weights, shape.to_string()]
        })
        .collect();
    let first = rows.iter().map(|[weights, _]| width(weights)).fold(width(names[0]), usize::max);
    let mut text = format!("{}  {}\n", pad(names[0], first), names[1]);
    for [weights, shape] in &rows {
        text += &format!("{}  {shape}\n", pad(weights, first));
    }
    if let Some(path) = path {
        text += &format!("\n{} {}\n", terminal.words("保存先:", "kept in"), path.display());
    }
    print(&text)
}
