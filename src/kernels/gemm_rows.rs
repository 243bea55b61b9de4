//! `gemm_rows`: computes the same as `gemm`. Each thread has whole rows. It is the fastest kernel on software adapters.

use crate::device::{Matrix, Tensor};
use crate::dispatch::{Kernel, Requires};
use crate::format::Format;
use crate::kernels::matmul::{self, Tiling};
use crate::kernels::sweep::{Case, KernelSweep, Product, cases};
use crate::kernels::{Matmul, Plan};

/// The most tokens of a workgroup. The sums of more do not fit into registers.
const MAX_TOKENS: usize = 4;
const WORKGROUP_SIZE: usize = 32;
const ROWS_PER_THREAD: usize = 2;

pub(super) static KERNEL: Kernel = matmul::kernel(
    "gemm_rows",
    include_str!("../../shaders/resolved/gemm_rows.wgsl"),
    Requires::subgroups(8),
);

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::products(&Format::ALL, &[(3, 65), (8, 1), (19, 33)], &[None]),
    set_up: |scene, case| {
        let Product { x, weight, bias, y, .. } = scene.product(case)?;
        gemm_rows(&mut scene.plan, &x, &weight, bias.as_ref(), &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("subgroupBroadcast(mine, 6u)", "subgroupBroadcast(mine, 5u)", "another lane's part of x"),
        ("x[at + 3u * token_vectors]", "x[at + 2u * token_vectors]", "another token"),
        ("first_token + index, first_row", "index, first_row", "always the first tokens"),
        ("sums.token2 += dot_block(low, high,", "sums.token2 += dot_block(low, low,", "half a block twice"),
    ],
};

/// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`].
///
/// # Panics
/// If the shapes disagree.
pub fn gemm_rows(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    let max_tokens = plan.max_tokens();
    Matmul::new(x, weight, bias, y).record_alone(plan, |_| tiling(max_tokens));
}

/// The tiling for passes of up to `max_tokens`.
pub(super) fn tiling(max_tokens: usize) -> Tiling {
    let tokens = max_tokens.min(MAX_TOKENS);
    let constants = vec![
        ("WORKGROUP_SIZE", WORKGROUP_SIZE as f64),
        ("ROWS_PER_THREAD", ROWS_PER_THREAD as f64),
        ("TOKENS", tokens as f64),
    ];
    (&KERNEL, constants, (WORKGROUP_SIZE * ROWS_PER_THREAD, tokens))
}
