//! Measures what a dispatch costs the host: recording, wgpu's checks and barriers, and submitting.
//!
//! Run: `SUKASHI_DEVICE=vulkan cargo bench --bench dispatch`
//!
//! The batch has no token, so that every dispatch has no workgroup, and the adapter computes nothing. The cost of a
//! dispatch is the difference between a long program and a short one, divided by the difference of their dispatches.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may panic")]

use std::time::Instant;

use sukashi::Device;
use sukashi::device::Tensor;
use sukashi::dispatch::Batch;
use sukashi::kernels::{self, Choices, Plan};

/// The dispatches of the two programs.
const SHORT: usize = 20;
const LONG: usize = 220;
const RUNS: usize = 200;

/// Records the dispatch with a number, which reads and writes two tensors.
type Record = fn(&mut Plan, &Tensor, &Tensor, usize);

const KINDS: [(&str, Record); 3] = [
    ("one kernel, the same buffer", |plan, x, _, _| kernels::softcap(plan, 30.0, x)),
    ("one kernel, buffers in turn", |plan, x, y, index| match index % 2 {
        0 => kernels::add(plan, x, y),
        _ => kernels::add(plan, y, x),
    }),
    ("two kernels in turn", |plan, x, y, index| match index % 2 {
        0 => kernels::add(plan, x, y),
        _ => kernels::softcap(plan, 30.0, x),
    }),
];

fn main() {
    let selector = std::env::var("SUKASHI_DEVICE").unwrap_or_else(|_| "vulkan".into());
    let device = pollster::block_on(Device::request(&selector)).unwrap();
    let info = device.info();
    println!("{} · {} · {}", info.name, info.backend, info.driver);
    println!("{:28}  {:>12}  {:>14}", "", "µs/dispatch", "µs/submission");
    for (name, record) in KINDS {
        let [short, long] = [SHORT, LONG].map(|count| microseconds(&device, count, record));
        let per_dispatch = (long - short) / (LONG - SHORT) as f64;
        println!("{name:28}  {per_dispatch:>12.2}  {:>14.1}", short - SHORT as f64 * per_dispatch);
    }
}

/// The host's time for recording and submitting `count` dispatches: the median of all runs.
fn microseconds(device: &Device, count: usize, record: Record) -> f64 {
    let [x, y] = ["x", "y"].map(|label| Tensor::zeros(device, label, 1, 64).unwrap());
    let mut plan = Plan::new(device, &Choices::of(device), 1);
    (0..count).for_each(|index| record(&mut plan, &x, &y, index));
    let program = device.compile(&plan.lower().unwrap().recording).unwrap();
    let batch = Batch { num_tokens: 0, ..Batch::default() };
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let mut recorder = device.record();
            program.run(batch, &mut recorder);
            device.submit(recorder).unwrap();
            1e6 * start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}
