//! `sukashi tune`: find out how a device computes a model fastest.

use sukashi::kernels::{GemmKernel, GemvShape, MatmulShape};
use sukashi::{Device, Error};

use super::failure::Outcome;
use super::output::print;
use super::subject::SubjectArgs;
use super::terminal::{Terminal, aligned};
use super::tuning::{Found, run_fully};

/// Find out how a device computes a model fastest, and keep it for later runs
///
/// Tries every way to share rows among threads, every kernel for a prompt, and every way to bring a token's dispatches together,
/// checks its results, and times it. Other commands do this for a second when they meet a large model for the first time
/// (--no-tune leaves it out); here it takes as long as it takes. What is found is kept in the user's folder for caches, for this
/// adapter, driver and version alone.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let device = args.subject.device(terminal)?;
    if matches!(device, Device::Cpu | Device::Twins) {
        return Err(Error::input("cannot tune the CPU: only adapters have kernels that take shapes")
            .hint("`sukashi adapters` lists what there is")
            .into());
    }
    let (model, _) = args.subject.load(&device, terminal)?;
    let Found { tuning, path } = run_fully(&model, terminal)?;
    let products = model.matmul_shapes();
    let shape = |product: &MatmulShape| tuning.shape(product).unwrap_or_else(|| GemvShape::of(&device));
    let heading = [
        terminal.words("重み", "weights"),
        terminal.words("プロンプト", "prompt"),
        terminal.words("形", "shape"),
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for product in &products {
        let MatmulShape { out_features, in_features, format, .. } = product;
        let weights = format!("[{out_features}, {in_features}] {}", format.name());
        let prefill = tuning.gemm_kernel(product).unwrap_or_else(|| GemmKernel::of(&device));
        rows.push(vec![weights, prefill.to_string(), shape(product).to_string()]);
    }
    let mut text = aligned(&rows, 3);
    if let Some(fusion) = tuning.fusion(&products) {
        text += &format!("\n{} {fusion}\n", terminal.words("融合:", "fused:"));
    }
    if let Some(path) = path {
        text += &format!("\n{} {}\n", terminal.words("保存先:", "kept in"), path.display());
    }
    print(&text)
}
