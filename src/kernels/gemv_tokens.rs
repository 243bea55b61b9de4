//! `gemv_tokens`: computes the same as `gemm`, for a few tokens. It is the fastest kernel on GPUs for sequences that
//! are decoded together.

use crate::device::{Matrix, Tensor};
use crate::dispatch::{Kernel, Requires};
use crate::format::Format;
use crate::kernels::sweep::{Case, KernelSweep, Product, cases};
use crate::kernels::{Matmul, Plan, matmul};

/// The most tokens of a workgroup.
const MAX_TOKENS: usize = 8;
const WORKGROUP_SIZE: usize = 64;
const THREADS_PER_ROW: usize = 32;

pub(super) static KERNEL: Kernel =
    matmul::kernel("gemv_tokens", include_str!("../../shaders/resolved/gemv_tokens.wgsl"), Requires::NOTHING);

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::products(&Format::ALL, &[(3, 65), (8, 1), (19, 33)], &[None]),
    set_up: |scene, case| {
        let Product { x, weight, bias, y, .. } = scene.product(case)?;
        gemv_tokens(&mut scene.plan, &x, &weight, bias.as_ref(), &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("high_starts.z + vector", "high_starts.y + vector", "another token"),
        ("high_sums = row_sum(local, high_sums);", "", "a thread's part of the row"),
        ("if token < batch.num_tokens {", "if token <= batch.num_tokens {", "a token too many"),
    ],
};

/// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`].
///
/// # Panics
/// If the shapes disagree.
pub fn gemv_tokens(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    let tokens = plan.max_tokens().min(MAX_TOKENS);
    let constants = vec![
        ("WORKGROUP_SIZE", WORKGROUP_SIZE as f64),
        ("THREADS_PER_ROW", THREADS_PER_ROW as f64),
        ("TOKENS", tokens as f64),
    ];
    let tile = (WORKGROUP_SIZE / THREADS_PER_ROW, tokens);
    Matmul::new(x, weight, bias, y).record_alone(plan, |_| (&KERNEL, constants.clone(), tile));
}
