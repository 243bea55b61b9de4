//! The common part of probes. They read vectors, compute in threads, and write a number for each thread.

use crate::device::Tensor;
use crate::dispatch::{Constants, Dispatch, Kernel};
use crate::kernels::Plan;

/// The threads of a workgroup. This is the shaders' default.
const WORKGROUP_SIZE: usize = 64;

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Params {
    pub num_vectors: u32,
    pub num_threads: u32,
    pub rounds: u32,
}

/// Records `kernel` over `x`, `[1, 4 * num_vectors]`, into `y`, `[1, num_threads]`.
///
/// # Panics
/// If `x` is empty, or padded.
pub(super) fn record(
    plan: &mut Plan,
    kernel: &'static Kernel,
    (x, rounds, y): (&Tensor, usize, &Tensor),
    constants: Constants,
) {
    assert!(x.columns() == x.stride() && x.columns() > 0, "{}: columns of x", kernel.name);
    let params = Params {
        num_vectors: (x.columns() / 4) as u32,
        num_threads: y.columns() as u32,
        rounds: rounds as u32,
    };
    plan.dispatch(Dispatch {
        kernel,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants,
        buffers: vec![x.buffer().clone(), y.buffer().clone()],
        groups_per_block: y.columns().div_ceil(WORKGROUP_SIZE) as u32,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
