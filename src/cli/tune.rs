//! `sukashi tune`: finds the fastest kernels of a device for a model.

use sukashi::kernels::{GemmKernel, GemvShape, MatmulShape};
use sukashi::{Device, Error};

use super::failure::Outcome;
use super::output::print;
use super::subject::SubjectArgs;
use super::terminal::{Terminal, aligned};
use super::tuning::{Found, run_fully};

/// Find the fastest kernels of a device for a model, and store them for later runs
///
/// The command tries every shape of the matrix products, every kernel for a prompt, and every fusion level. It checks the
/// results of each and measures its time. Other commands search for one second when they run a large model on an adapter for
/// the first time (--no-tune skips that); this command searches without a limit. The result goes into the user's folder for
/// caches, and counts for this adapter, driver and version only.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
}

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let device = args.subject.device(terminal)?;
    if matches!(device, Device::Cpu | Device::Twins) {
        return Err(Error::input("cannot tune the CPU: only adapters have kernels that take shapes")
            .hint("--device NAME chooses an adapter; `sukashi adapters` lists them")
            .into());
    }
    let (model, _) = args.subject.load(|| Ok(device.clone()), terminal)?;
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
