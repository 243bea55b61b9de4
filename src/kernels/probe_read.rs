//! `probe_read`: reads a buffer and computes almost nothing. It measures how fast a device reads.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::probe::{self, Params};
use crate::kernels::sweep::{Case, KernelSweep, cases};

pub(super) static KERNEL: Kernel = Kernel {
    name: "probe_read",
    wgsl: include_str!("../../shaders/resolved/probe_read.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::probe_read),
    fast: |call| compute(call, cpu::fast::probe_read),
    // The outputs are integers below 2^16.
    tolerance: Tolerance::NONE,
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: cases::probes,
    set_up: |scene, case| {
        let (x, y, rounds) = scene.probe(case)?;
        // If `rounds` is 1, threads read vectors in turns.
        probe_read(&mut scene.plan, rounds == 1, &x, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("turn < count", "turn + 1u < count", "the last turn left out"),
        ("select(thread * turns, thread,", "select(thread, thread,", "stretches that overlap"),
    ],
};

fn compute(call: &mut Call<'_>, probe_read: impl Fn(bool, &[u32], &mut [f32])) {
    let params: Params = call.params();
    let [x, y, ..] = &mut call.slots;
    let x = &x.words()[..4 * params.num_vectors as usize];
    probe_read(params.rounds == 1, x, &mut y.floats_mut()[..params.num_threads as usize]);
}

/// Records a read of all of `x`, `[1, 4 * num_vectors]`, by `y.columns()` threads. They read vectors of four words in
/// turns, or a stretch each. `y`, `[1, num_threads]`, gets a checksum of each thread's words.
///
/// # Panics
/// If `x` is empty or its row is padded.
pub fn probe_read(plan: &mut Plan, in_turns: bool, x: &Tensor, y: &Tensor) {
    // The twin does not get the shader's constants.
    let in_turns = usize::from(in_turns);
    probe::record(plan, &KERNEL, (x, in_turns, y), vec![("IN_TURNS", in_turns as f64)]);
}
