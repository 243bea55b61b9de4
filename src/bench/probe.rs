//! What a device can do at best.

use std::time::Instant;

use serde::Serialize;

use crate::device::{Device, Program, Readback, Tensor};
use crate::dispatch::Batch;
use crate::error::Result;
use crate::kernels::{self, Choices, Plan};

/// A timed run is at least this long, in seconds: what submitting it costs is then below a hundredth. Far below what a
/// watchdog stops.
const RUN_SECONDS: f64 = 0.03;

/// Runs of each probe; the fastest counts, since nothing makes a device faster than it is.
const RUNS: usize = 5;

/// More than caches hold, and less than any GPU has. Words.
const READ_WORDS: usize = 64 << 20;

/// Threads of the probes that compute: enough for every lane of a large GPU, some times over.
const GPU_THREADS: usize = 1 << 18;
/// Where lanes are those of a CPU.
const SOFTWARE_THREADS: usize = 1 << 12;

/// Multiply-adds of a thread in a round.
const F32_PER_ROUND: f64 = 32.0;

/// The most that kernels get out of a device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Bytes read a second.
    pub read_bytes: f64,
    /// Multiply-adds of f32 a second.
    pub f32_multiply_adds: f64,
}

impl Rates {
    /// Runs the probes on `device`; takes about a second.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// let rates = sukashi::bench::Rates::probe(&sukashi::Device::Cpu).await?;
    /// assert!(rates.read_bytes > 0.0 && rates.f32_multiply_adds > 0.0);
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If the device fails, or has no room for what is read.
    pub async fn probe(device: &Device) -> Result<Self> {
        let is_software = match device {
            Device::Gpu(gpu) => gpu.is_software(),
            Device::Cpu | Device::Twins => true,
        };
        let num_threads = if is_software { SOFTWARE_THREADS } else { GPU_THREADS };
        let y = Tensor::zeros(device, "probed", 1, num_threads)?;
        let words = READ_WORDS.min(device.max_binding_words()) / 32 * 32;
        let read_bytes = {
            let x = Tensor::zeros(device, "probe", 1, words)?;
            let mut best = 0.0_f64;
            for in_turns in [true, false] {
                let rate = rate(device, &y, |plan, repeats| {
                    (0..repeats).for_each(|_| kernels::probe_read(plan, in_turns, &x, &y));
                })
                .await?;
                best = best.max(4.0 * words as f64 * rate);
            }
            best
        };
        let values: Vec<f32> = (0..32).map(|index| index as f32 / 32.0).collect();
        let x = Tensor::from_slice(device, "probe", &values, 1, values.len())?;
        let rounds = |repeats: usize| 64 * repeats;
        let f32_rounds =
            rate(device, &y, |plan, repeats| kernels::probe_f32(plan, rounds(repeats), &x, &y)).await?;
        let per_round = (64 * num_threads) as f64;
        Ok(Self { read_bytes, f32_multiply_adds: F32_PER_ROUND * per_round * f32_rounds })
    }
}

/// Repeats a second of what `record` puts into a plan for a number of repeats.
async fn rate(device: &Device, y: &Tensor, record: impl Fn(&mut Plan, usize)) -> Result<f64> {
    let mut readback = Readback::new(device, 1)?;
    let choices = Choices::of(device);
    let compile = |repeats| {
        let mut plan = Plan::new(device, &choices, 1);
        record(&mut plan, repeats);
        device.compile(&plan.lower()?.recording)
    };
    let mut repeats = 1;
    let mut program = compile(repeats)?;
    loop {
        // Once for what only the first run does.
        let seconds = seconds(device, &program, &mut readback, y).await?;
        let seconds = seconds.min(self::seconds(device, &program, &mut readback, y).await?);
        if seconds >= RUN_SECONDS || repeats >= 1 << 16 {
            break;
        }
        let wanted = (1.2 * RUN_SECONDS / seconds.max(1e-6) * repeats as f64).ceil() as usize;
        repeats = wanted.clamp(repeats + 1, 64 * repeats);
        program = compile(repeats)?;
    }
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        best = best.min(seconds(device, &program, &mut readback, y).await?);
    }
    Ok(repeats as f64 / best)
}

/// From submitting a run until a word of its result is here.
async fn seconds(device: &Device, program: &Program, readback: &mut Readback, y: &Tensor) -> Result<f64> {
    let mut recorder = device.record();
    let start = Instant::now();
    program.run(Batch { num_tokens: 1, ..Batch::default() }, &mut recorder);
    readback.submit_and_read(recorder, y.buffer(), 1).await?;
    Ok(start.elapsed().as_secs_f64())
}
