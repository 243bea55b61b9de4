//! `gemm`: `y = weight x + bias` for many tokens at once; what reading a prompt spends its time in.

use crate::cpu;
use crate::kernels::product::{self, Params, TOLERANCE};
use crate::kernels::{Access, Kernel, Plan, Projection};
use crate::tensor::{Matrix, Tensor};

/// Rows, and tokens, of a workgroup: the shader's `TILE`.
const TILE: usize = 32;

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemm",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemm.wgsl")),
    params_bytes: size_of::<Params>(),
    min_subgroup_size: 0,
    buffers: &[Access::Read, Access::Read, Access::Read, Access::ReadWrite],
    twin: |call| product::compute(call, cpu::gemv),
    fast: |call| product::compute(call, cpu::fast::gemm),
    tolerance: TOLERANCE,
};

/// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`].
///
/// # Panics
/// If the shapes disagree.
pub fn gemm(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    Projection::new(x, weight, bias, y).record(
        plan,
        |_| (&KERNEL, Vec::new(), (TILE, TILE)),
        |part| {
            // A binding cannot be empty; without a bias nothing of it is read.
            vec![
                x.buffer().clone(),
                part.buffer.clone(),
                bias.unwrap_or(x).buffer().clone(),
                y.buffer().clone(),
            ]
        },
    );
}
