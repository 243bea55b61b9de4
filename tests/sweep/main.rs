//! Runs the sweep of `sukashi::verify`, with a test for each kernel and each kind of cases, on the CPU device and every
//! adapter.
//!
//! The tests are made from the registry, so a runner spreads them over cores and names the kernel that fails.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

#[path = "../adapters/mod.rs"]
mod adapters;
mod folds;
mod mistakes;
mod random;
#[path = "../skip/mod.rs"]
mod skip;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use proptest::prop_assert;
use proptest::test_runner::{Config, TestRunner};
use sukashi::kernels::{KernelSweep, REGISTRY, kernels};
use sukashi::verify;
use sukashi::{Device, Gpu, Model};

use adapters::{device, gpus, name};

fn main() -> ExitCode {
    let mut names = Vec::from_iter(kernels().map(|kernel| kernel.name));
    names.dedup();
    let mut trials = vec![trial("embedded_model", embedded_model_agrees)];
    for kernel in names {
        trials.push(trial(format!("agrees::{kernel}"), || agrees_with_the_twin(kernel)));
        trials.push(trial(format!("agrees_on_any_shape::{kernel}"), || agrees_on_any_shape(kernel)));
        trials.push(trial(format!("same_bits_with_bounded_loops::{kernel}"), || {
            loops_need_no_counters(kernel);
        }));
        trials.push(trial(format!("folds::{kernel}"), || folds_into_the_second_dimension(kernel)));
        trials.push(trial(format!("mistakes::{kernel}"), || {
            mistakes::are_found_in_shaders(kernel, &devices());
        }));
        trials
            .push(trial(format!("mistakes_on_the_cpu::{kernel}"), || mistakes::are_found_on_the_cpu(kernel)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A test with a thread of its own, which ends before the test does.
///
/// libEGL frees what it keeps for a thread when the thread ends, and again when the process ends. The runner does not
/// wait for its threads, so with one of those, the two would race.
fn trial(name: impl Into<String>, test: impl FnOnce() + Send + 'static) -> Trial {
    let name = name.into();
    let thread = std::thread::Builder::new().name(name.clone());
    Trial::test(name, move || {
        thread.spawn(test)?.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(())
    })
}

/// The CPU and every adapter.
fn devices() -> Vec<(String, Device)> {
    let mut devices = vec![("cpu".to_owned(), Device::Cpu)];
    devices.extend(gpus().iter().map(|gpu| (name(gpu), device(gpu))));
    devices
}

/// The kernels with this name that a device runs, and their sweeps.
fn sweeps_of(kernel_name: &str, label: &str, device: &Device) -> Vec<&'static KernelSweep> {
    let is_one = |sweep: &&KernelSweep| sweep.kernel.name == kernel_name && device.runs(sweep.kernel);
    let sweeps = Vec::from_iter(REGISTRY.into_iter().filter(is_one));
    if sweeps.is_empty() {
        skip::skip(format_args!("{label} does not run {kernel_name}"));
    }
    sweeps
}

fn agrees_with_the_twin(kernel_name: &str) {
    for (label, device) in devices() {
        for sweep in sweeps_of(kernel_name, &label, &device) {
            let row = pollster::block_on(verify::sweep_kernel(&device, sweep)).unwrap();
            println!("{label}: {} cases, {:.1}%, {}", row.cases, row.worst_percent, row.worst_case);
            assert!(row.passed || row.expected.is_some(), "{label}: {}", row.worst_case);
        }
    }
}

fn agrees_on_any_shape(kernel_name: &str) {
    for (label, device) in devices() {
        for sweep in sweeps_of(kernel_name, &label, &device) {
            let config = Config { cases: 12, failure_persistence: None, ..Config::default() };
            let agrees = TestRunner::new(config).run(&random::cases(sweep), |case| {
                let worst = pollster::block_on(verify::check(&device, sweep, &case)).unwrap();
                let percent = 100.0 * worst.error;
                prop_assert!(worst.error <= 1.0, "{label}, {case}: {} ({percent:.0}%)", worst.place);
                Ok(())
            });
            agrees.unwrap();
        }
    }
}

fn loops_need_no_counters(kernel_name: &str) {
    let [bounded, unbounded] = [gpus(), gpus()];
    for (with, without) in bounded.iter().zip(&unbounded) {
        with.bound_loops();
        let label = name(with);
        let [with, without] = [with, without].map(device);
        for sweep in sweeps_of(kernel_name, &label, &with) {
            for case in (sweep.cases)() {
                let [want, got] = [&with, &without]
                    .map(|device| pollster::block_on(verify::outputs(device, sweep, &case)).unwrap());
                assert!(want == got, "{label}, {case}: other bits without counters");
            }
        }
    }
}

/// The workgroups of a dimension. Devices allow 65535 or more, and no affordable case has so many.
const GROUPS_PER_DIMENSION: u32 = 300;

fn folds_into_the_second_dimension(kernel_name: &str) {
    for index in 0..gpus().len() {
        let max_compute_workgroups_per_dimension = GROUPS_PER_DIMENSION;
        let limits = wgpu::Limits { max_compute_workgroups_per_dimension, ..wgpu::Limits::default() };
        let gpu = pollster::block_on(Gpu::request_with_limits(&index.to_string(), limits)).unwrap().unwrap();
        let (label, device) = (name(&gpu), device(&gpu));
        for sweep in sweeps_of(kernel_name, &label, &device) {
            for case in folds::cases(sweep) {
                let groups = sweep.num_workgroups(&device, &case).unwrap();
                assert!(groups > GROUPS_PER_DIMENSION, "{label}, {case}: {groups} workgroups do not fold");
                let worst = pollster::block_on(verify::check(&device, sweep, &case)).unwrap();
                assert!(worst.error <= 1.0, "{label}, {case}: {}", worst.place);
            }
        }
    }
}

fn embedded_model_agrees() {
    let twin = Model::embedded(&Device::Twins).unwrap();
    for (label, device) in devices() {
        let report =
            pollster::block_on(verify::run_model(&Model::embedded(&device).unwrap(), &twin)).unwrap();
        for row in &report.rows {
            assert!(row.passed, "{label}: {} {}", row.kernel, row.worst_case);
        }
    }
}
