//! `gemm_shared`: what `gemm` computes, by way of workgroup memory; for GPUs, where loading an element costs more than multiplying it.

use crate::device::{Matrix, Tensor};
use crate::dispatch::{Kernel, Requires};
use crate::kernels::matmul::{self, Tiling};
use crate::kernels::{Matmul, Plan};

/// Rows, and tokens, of a workgroup: the shader's `TILE`.
const TILE: usize = 64;

pub(super) static KERNEL: Kernel =
    matmul::kernel("gemm_shared", include_str!("../../shaders/resolved/gemm_shared.wgsl"), Requires::NOTHING);

/// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`].
///
/// # Panics
/// If the shapes disagree.
pub fn gemm_shared(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    Matmul::new(x, weight, bias, y).record_alone(plan, |_| tiling());
}

pub(super) fn tiling() -> Tiling {
    (&KERNEL, Vec::new(), (TILE, TILE))
}
