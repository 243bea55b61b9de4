//! `gemm_matrix`: computes the same as `gemm`, with hardware that multiplies small matrices.

use crate::device::{Device, Matrix, Tensor};
use crate::dispatch::{Kernel, Requires};
use crate::format::Format;
use crate::kernels::matmul::{self, Tiling};
use crate::kernels::sweep::{Case, KernelSweep, Product, cases};
use crate::kernels::{Matmul, Plan};

/// The matrices in a row of a workgroup's tile, and in a column.
const MATRICES: usize = 4;
/// The fewest subgroups of a workgroup.
const SUBGROUPS: u32 = 4;

/// Apple's GPUs and lavapipe have matrices of 8 rows, and others of 16. A device runs one of the kernels.
pub(super) static KERNEL_8: Kernel = of_size(8, include_str!("../../shaders/resolved/gemm_matrix_8.wgsl"));
pub(super) static KERNEL_16: Kernel = of_size(16, include_str!("../../shaders/resolved/gemm_matrix_16.wgsl"));

const fn of_size(matrix_size: u32, wgsl: &'static str) -> Kernel {
    matmul::kernel("gemm_matrix", wgsl, Requires { matrix_size, ..Requires::subgroups(1) })
}

pub(super) static SWEEP_8: KernelSweep = sweep(&KERNEL_8);
pub(super) static SWEEP_16: KernelSweep = sweep(&KERNEL_16);

const fn sweep(kernel: &'static Kernel) -> KernelSweep {
    KernelSweep {
        kernel,
        // Sizes around a tile, and tiles with rows past the last token.
        cases: || cases::products(&Format::ALL, &[(2, 1), (63, 31), (64, 32), (65, 33), (33, 65)], &[None]),
        set_up: |scene, case| {
            let Product { x, weight, bias, y, .. } = scene.product(case)?;
            gemm_matrix(&mut scene.plan, &x, &weight, bias.as_ref(), &y.tensor);
            Ok(vec![y])
        },
        atol_factor: Case::atol_factor,
        mistakes: &[
            ("f16(low.z);", "f16(0.0);", "an element without its second part"),
            ("sum10 = coopMultiplyAdd(high_tokens1, low_rows0, sum10);", "", "weights without theirs"),
            ("sum01 = coopMultiplyAdd(low_tokens0, high_rows1, sum01);", "", "tokens without theirs"),
            ("coopStoreT(sum11,", "coopStoreT(sum01,", "another matrix"),
            ("min(TOP + 127u - exponent, 253u)", "127u", "nothing scaled"),
            ("* inverse(scales[row_line])", "", "a row that stays scaled"),
            ("inverse(scales[TILE + token_line])", "inverse(scales[TILE])", "another token's scale"),
            ("token < batch.num_tokens", "token <= batch.num_tokens", "a token too many"),
            ("bias[params.first_row + row]", "bias[row]", "bias of a part"),
        ],
    }
}

/// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`].
///
/// # Panics
/// If the shapes disagree.
pub fn gemm_matrix(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    let tiling = tiling(plan.device());
    Matmul::new(x, weight, bias, y).record_alone(plan, |_| tiling.clone());
}

/// The tiling for the matrices and subgroups of `device`. If it has none, it is that of 16 and 32.
pub(super) fn tiling(device: &Device) -> Tiling {
    let (kernel, subgroup_size) = match device {
        Device::Gpu(gpu) if gpu.matrix_size() > 0 => {
            (if gpu.matrix_size() == 8 { &KERNEL_8 } else { &KERNEL_16 }, gpu.max_subgroup_size())
        }
        _ => (&KERNEL_16, 32),
    };
    let tile = MATRICES * kernel.requires.matrix_size as usize;
    (kernel, vec![("WORKGROUP_SIZE", f64::from(workgroup_size(subgroup_size)))], (tile, tile))
}

/// The threads of a workgroup if a subgroup has at most `subgroup_size`.
pub(super) fn workgroup_size(subgroup_size: u32) -> u32 {
    SUBGROUPS * subgroup_size
}
