//! `gemm`: `y = weight x + bias` for many tokens at once; what reading a prompt spends its time in.

use crate::device::{Matrix, Tensor};
use crate::dispatch::{Kernel, Requires};
use crate::kernels::matmul::{self, Tiling};
use crate::kernels::{Matmul, Plan};

/// Rows, and tokens, of a workgroup: the shader's `TILE`.
const TILE: usize = 32;

pub(super) static KERNEL: Kernel =
    matmul::kernel("gemm", include_str!("../../shaders/resolved/gemm.wgsl"), Requires::NOTHING);

/// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`].
///
/// # Panics
/// If the shapes disagree.
pub fn gemm(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    Matmul::new(x, weight, bias, y).record_alone(plan, |_| tiling());
}

pub(super) fn tiling() -> Tiling {
    (&KERNEL, Vec::new(), (TILE, TILE))
}
