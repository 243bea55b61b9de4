//! Runs one kernel on a device and compares it with its CPU twin.
//!
//! A kernel is a shader, a wrapper that records it into a plan, and a CPU twin, which is the reference
//! implementation. This example runs the same plan of `layer_norm` on both, and compares the results as the
//! tests do.
//!
//! Run: `cargo run --example 01_one_kernel`
//! (`SUKASHI_DEVICE=cpu`, an index or part of a name chooses the device.)

use sukashi::device::Tensor;
use sukashi::dispatch::Batch;
use sukashi::kernels::{self, Choices, Plan};
use sukashi::{Device, Error, ErrorKind, Result};

const NUM_TOKENS: usize = 2;
const HIDDEN_SIZE: usize = 6;

/// Two rows, which `layer_norm` brings to mean 0 and variance 1.
const X: [f32; NUM_TOKENS * HIDDEN_SIZE] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -3.0, -1.0, 0.0, 0.5, 1.5, 4.0];

async fn layer_norm(device: &Device) -> Result<Vec<f32>> {
    let x = Tensor::from_slice(device, "x", &X, NUM_TOKENS, HIDDEN_SIZE)?;
    let weight = Tensor::from_slice(device, "weight", &[1.0; HIDDEN_SIZE], 1, HIDDEN_SIZE)?;
    let bias = Tensor::from_slice(device, "bias", &[0.0; HIDDEN_SIZE], 1, HIDDEN_SIZE)?;
    let y = Tensor::zeros(device, "y", NUM_TOKENS, HIDDEN_SIZE)?;

    // A plan is recorded once and can run many times.
    let mut plan = Plan::new(device, &Choices::of(device), NUM_TOKENS);
    kernels::layer_norm(&mut plan, &x, &weight, &bias, 1e-5, &y);
    let program = device.compile(&plan.lower()?.recording)?;

    let mut recorder = device.record();
    program.run(Batch { num_tokens: NUM_TOKENS as u32, ..Batch::default() }, &mut recorder);
    device.submit(recorder)?;
    y.read(device).await
}

async fn run() -> Result<()> {
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "auto".to_owned());
    let device = Device::request(&selector).await?;
    let got = layer_norm(&device).await?;
    let want = layer_norm(&Device::Twins).await?;

    let info = device.info();
    println!("layer_norm on {} ({}) and its twin:", info.name, info.backend);
    for (got, want) in got.chunks(HIDDEN_SIZE).zip(want.chunks(HIDDEN_SIZE)) {
        println!("  device {got:8.4?}\n  twin   {want:8.4?}");
    }
    let kernel = kernels::kernels().find(|kernel| kernel.name == "layer_norm");
    let tolerance = kernel.map(|kernel| kernel.tolerance).ok_or_else(|| Error::input("no such kernel"))?;
    let error = got.iter().zip(&want).map(|(&got, &want)| tolerance.error(got, want)).fold(0.0, f64::max);
    println!("largest difference: {:.1}% of the tolerance", 100.0 * error);
    if error > 1.0 {
        return Err(Error::new(ErrorKind::Computation, "layer_norm disagrees with its twin"));
    }
    Ok(())
}

fn main() -> Result<()> {
    pollster::block_on(run())
}
