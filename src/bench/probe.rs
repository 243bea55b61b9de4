//! Measures the best rates of a device.

use web_time::Instant;

use serde::Serialize;

use crate::device::{Device, Program, Readback, Tensor};
use crate::dispatch::Batch;
use crate::error::Result;
use crate::kernels::{self, Choices, Plan};

/// The least time of a timed run, in seconds. Submitting a run takes less than a hundredth of it. The time is far below
/// that at which a watchdog stops a run.
const RUN_SECONDS: f64 = 0.03;

/// The number of runs of each probe. The fastest counts, since nothing makes a device faster than it is.
const RUNS: usize = 5;

/// The words that a probe reads. They are more than caches hold, and less than any GPU has.
const READ_WORDS: usize = 64 << 20;

/// The threads of the probes that compute. There are several for every lane of a large GPU.
const GPU_THREADS: usize = 1 << 18;
/// The threads if the lanes are those of a CPU.
const SOFTWARE_THREADS: usize = 1 << 12;

/// The multiply-adds of a thread in a round.
const F32_PER_ROUND: f64 = 32.0;

/// The highest rates that kernels reach on a device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// Bytes that are read per second.
    pub read_bytes: f64,
    /// Multiply-adds of f32 per second.
    pub f32_multiply_adds: f64,
}

impl Rates {
    /// Runs the probes on `device`. This takes about a second.
    ///
    /// ```
    /// # pollster::block_on(async {
    /// let rates = sukashi::bench::Rates::probe(&sukashi::Device::Cpu).await?;
    /// assert!(rates.read_bytes > 0.0 && rates.f32_multiply_adds > 0.0);
    /// # Ok::<(), sukashi::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If the device fails, or has no room for the words to read.
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

/// Returns how many repeats per second a device does of the dispatches that `record` adds to a plan.
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
        // An untimed run warms up.
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

/// Returns the time from the submission of a run until a word of its result is in host memory.
async fn seconds(device: &Device, program: &Program, readback: &mut Readback, y: &Tensor) -> Result<f64> {
    let mut recorder = device.record();
    let start = Instant::now();
    program.run(Batch { num_tokens: 1, ..Batch::default() }, &mut recorder);
    readback.submit_and_read(recorder, y.buffer(), 1).await?;
    Ok(start.elapsed().as_secs_f64())
}
