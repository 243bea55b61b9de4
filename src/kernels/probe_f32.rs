//! `probe_f32`: multiply-adds of f32 that do not wait for memory. It measures how fast a device computes.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::probe::{self, Params};
use crate::kernels::sweep::{Case, KernelSweep, cases};

pub(super) static KERNEL: Kernel = Kernel {
    name: "probe_f32",
    wgsl: include_str!("../../shaders/resolved/probe_f32.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::probe_f32),
    fast: |call| compute(call, cpu::fast::probe_f32),
    // A sum of 32 values up to about 40. Measured on llvmpipe through Vulkan and GL: 1.2e-4 of 465.
    tolerance: Tolerance { atol: 1e-4, rtol: 1e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: cases::probes,
    set_up: |scene, case| {
        let (x, y, rounds) = scene.probe(case)?;
        probe_f32(&mut scene.plan, rounds, &x, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("vec4<f32>(-0.5)", "vec4<f32>(0.5)", "the factor"),
        ("round < params.rounds", "round <= params.rounds", "a round too many"),
    ],
};

fn compute(call: &mut Call<'_>, probe_f32: impl Fn(usize, &[f32], &mut [f32])) {
    let params: Params = call.params();
    let [x, y, ..] = &mut call.slots;
    let x = &x.floats()[..4 * params.num_vectors as usize];
    probe_f32(params.rounds as usize, x, &mut y.floats_mut()[..params.num_threads as usize]);
}

/// Records `rounds` times 32 multiply-adds of f32 by each of `y.columns()` threads. They start from `x`, `[1, 4 *
/// num_vectors]`. `y`, `[1, num_threads]`, gets the results.
///
/// # Panics
/// If `x` is empty or its row is padded.
pub fn probe_f32(plan: &mut Plan, rounds: usize, x: &Tensor, y: &Tensor) {
    probe::record(plan, &KERNEL, (x, rounds, y), Vec::new());
}
