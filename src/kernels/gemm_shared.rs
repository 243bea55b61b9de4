//! `gemm_shared`: computes the same as `gemm`, with tiles in workgroup memory. It is for GPUs, on which loading an
//! element costs more than multiplying it.

use crate::device::{Matrix, Tensor};
use crate::dispatch::{Kernel, Requires};
use crate::format::Format;
use crate::kernels::matmul::{self, Tiling};
use crate::kernels::sweep::{Case, KernelSweep, Product, cases};
use crate::kernels::{Matmul, Plan};

/// The rows, and the tokens, of a workgroup: the shader's `TILE`.
const TILE: usize = 64;

pub(super) static KERNEL: Kernel =
    matmul::kernel("gemm_shared", include_str!("../../shaders/resolved/gemm_shared.wgsl"), Requires::NOTHING);

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::products(&Format::ALL, &[(2, 1), (63, 31), (64, 32), (65, 33), (33, 65)], &[None]),
    set_up: |scene, case| {
        let Product { x, weight, bias, y, .. } = scene.product(case)?;
        gemm_shared(&mut scene.plan, &x, &weight, bias.as_ref(), &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("x_tile[3]", "x_tile[2]", "another token"),
        ("weight_tile[5]", "weight_tile[4]", "another row"),
        ("let first_vector = 4u * half;", "let first_vector = 0u;", "half a block over the other"),
        ("if token < batch.num_tokens {", "if token <= batch.num_tokens {", "a token too many"),
        ("if row >= params.out_features {", "if row > params.out_features {", "a row too many"),
        ("bias[params.first_row + row]", "bias[row]", "bias of a part"),
    ],
};

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
