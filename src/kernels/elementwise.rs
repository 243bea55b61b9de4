//! The common part of kernels that compute each element of a row alone.

use crate::device::Tensor;
use crate::dispatch::{Dispatch, Kernel};
use crate::kernels::Plan;

/// The threads of a workgroup. This is the shaders' default.
const WORKGROUP_SIZE: usize = 64;

/// The uniform `params` of `add`, `gelu_*` and `select_rows`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Params {
    pub columns: u32,
    pub stride: u32,
}

/// The workgroups for a row of `threads` threads.
pub(super) fn groups_per_row(threads: usize) -> u32 {
    threads.div_ceil(WORKGROUP_SIZE) as u32
}

/// Records a kernel that reads `input` and writes `output`, tensors of one shape.
pub(super) fn record(plan: &mut Plan, kernel: &'static Kernel, input: &Tensor, output: &Tensor) {
    assert_eq!(input.columns(), output.columns(), "{}: columns", kernel.name);
    assert!(output.rows() >= plan.max_tokens(), "{}: rows of the output", kernel.name);
    let params = Params { columns: input.columns() as u32, stride: input.stride() as u32 };
    plan.dispatch(Dispatch {
        kernel,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![input.buffer().clone(), output.buffer().clone()],
        groups_per_block: groups_per_row(input.columns()),
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
