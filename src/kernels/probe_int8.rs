//! `probe_int8`: products of signed bytes that wait for nothing; how fast a device computes with quants.

use crate::cpu::{self, Call};
use crate::kernels::probe::{self, Params};
use crate::kernels::{Access, Kernel, Plan, Requires, Tolerance};
use crate::tensor::Tensor;

pub(super) static KERNEL: Kernel = Kernel {
    name: "probe_int8",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/probe_int8.wgsl")),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin,
    fast: twin,
    // Integers below 2^16.
    tolerance: Tolerance::NONE,
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [x, y, ..] = &mut call.slots;
    let x = &x.words()[..4 * params.num_vectors as usize];
    cpu::probe_int8(params.rounds as usize, x, &mut y.floats_mut()[..params.num_threads as usize]);
}

/// Records `rounds` times 128 multiply-adds of signed bytes by each of `y.columns()` threads, which start from `x`, `[1, 4 * num_vectors]`;
/// `y`, `[1, num_threads]`, gets what comes of it.
///
/// # Panics
/// If `x` is empty or its row padded.
pub fn probe_int8(plan: &mut Plan, rounds: usize, x: &Tensor, y: &Tensor) {
    probe::record(plan, &KERNEL, (x, rounds, y), Vec::new());
}
