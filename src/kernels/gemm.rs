//! `gemm`: `y = weight x + bias` for many tokens at once; what reading a prompt spends its time in.

use crate::cpu;
use crate::kernels::product::{self, Params, TOLERANCE, Tiling};
use crate::kernels::{Kernel, Plan, Projection, Requires};
use crate::tensor::{Matrix, Tensor};

/// Rows, and tokens, of a workgroup: the shader's `TILE`.
const TILE: usize = 32;

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemm",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemm.wgsl")),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &product::BUFFERS,
    twin: |call| product::compute(call, cpu::gemv),
    fast: |call| product::compute(call, cpu::fast::gemm),
    tolerance: TOLERANCE,
};

/// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`].
///
/// # Panics
/// If the shapes disagree.
pub fn gemm(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    Projection::new(x, weight, bias, y).record_alone(plan, |_| tiling());
}

pub(super) fn tiling() -> Tiling {
    (&KERNEL, Vec::new(), (TILE, TILE))
}
