//! The common part of gated activations, which read rows of gates and values, and write rows of half the width.

use crate::device::Tensor;
use crate::dispatch::{Dispatch, Kernel};
use crate::kernels::Plan;
use crate::kernels::elementwise::groups_per_row;

/// The uniform `params` of `geglu` and `swiglu`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct Params {
    pub columns: u32,
    pub x_stride: u32,
    pub y_stride: u32,
}

/// Records a kernel from `x`, `[max_tokens, 2 * columns]`, to `y`, `[max_tokens, columns]`.
pub(super) fn record(plan: &mut Plan, kernel: &'static Kernel, x: &Tensor, y: &Tensor) {
    assert_eq!(x.columns(), 2 * y.columns(), "{}: columns", kernel.name);
    assert!(x.rows() >= plan.max_tokens() && y.rows() >= plan.max_tokens(), "{}: tokens", kernel.name);
    let params =
        Params { columns: y.columns() as u32, x_stride: x.stride() as u32, y_stride: y.stride() as u32 };
    plan.dispatch(Dispatch {
        kernel,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![x.buffer().clone(), y.buffer().clone()],
        groups_per_block: groups_per_row(y.columns()),
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
