//! `gemm`: `y = weight x + bias` for many tokens. The reading of a prompt takes most of its time here.

use crate::device::{Matrix, Tensor};
use crate::dispatch::{Kernel, Requires};
use crate::format::Format;
use crate::kernels::matmul::{self, Tiling};
use crate::kernels::sweep::{Case, KernelSweep, Product, cases};
use crate::kernels::{Matmul, Plan};

/// The rows, and the tokens, of a workgroup: the shader's `TILE`.
const TILE: usize = 32;

pub(super) static KERNEL: Kernel =
    matmul::kernel("gemm", include_str!("../../shaders/resolved/gemm.wgsl"), Requires::NOTHING);

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::products(&Format::ALL, &[(2, 1), (31, 31), (32, 32), (33, 33), (64, 65)], &[None]),
    set_up: |scene, case| {
        let Product { x, weight, bias, y, .. } = scene.product(case)?;
        gemm(&mut scene.plan, &x, &weight, bias.as_ref(), &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("if token >= batch.num_tokens {", "if token > batch.num_tokens {", "a token too many"),
        ("sums[2]);", "sums[3]);", "another token's sums"),
        ("sum += bias[params.first_row + row];", "sum += bias[row];", "bias of a part"),
    ],
};

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
