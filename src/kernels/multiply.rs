//! Weights with several tokens at once, by the kernel that suits.

use super::gemv_tokens;
use crate::device::{Device, Matrix, Tensor};
use crate::kernels::{GemmKernel, Matmul, MatmulShape, Plan};

/// Records `y = weight x + bias`, as the plan's [`crate::kernels::Choices`] say, and whether the tokens are of one text or one of each; shapes as [`crate::kernels::gemv`].
///
/// A token's sums do not depend on the tokens beside it.
///
/// # Panics
/// If the shapes disagree.
pub fn multiply(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    let device = plan.device().clone();
    match &device {
        Device::Gpu(gpu) if !gpu.is_software() && plan.tokens_of_text() == 1 => {
            gemv_tokens::gemv_tokens(plan, x, weight, bias, y);
        }
        _ => {
            let (choices, max_tokens) = (plan.choices().clone(), plan.max_tokens());
            let choose = |part: &_| {
                choices.gemm_kernel(&MatmulShape::of_part(part, x.stride())).tiling(&device, max_tokens)
            };
            Matmul::new(x, weight, bias, y).record_alone(plan, choose);
        }
    }
}

/// As [`multiply`], by the kernel that `kernel` names.
///
/// # Panics
/// If the shapes disagree.
pub fn multiply_by(plan: &mut Plan, kernel: GemmKernel, x: &Tensor, weight: &Matrix, y: &Tensor) {
    let tiling = kernel.tiling(plan.device(), plan.max_tokens());
    Matmul::new(x, weight, None, y).record_alone(plan, |_| tiling.clone());
}
