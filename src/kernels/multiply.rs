//! Multiplies weights with one token or several, with a kernel for the number of tokens.

use super::gemv::gemv;
use super::gemv_tokens;
use crate::device::{Device, Matrix, Tensor};
use crate::kernels::{GemmKernel, Matmul, MatmulShape, Plan};

/// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`]. The plan's [`crate::kernels::Choices`] name the
/// kernel. It also depends on the number of tokens, and on whether they are of one sequence or of several.
///
/// The sums of a token do not depend on the other tokens, if there are several.
///
/// # Panics
/// If the shapes disagree.
pub fn multiply(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    let device = plan.device().clone();
    match &device {
        // One token reads every weight once. Several tokens share their reads.
        _ if plan.max_tokens() == 1 => gemv(plan, x, weight, bias, y),
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

/// Records the product of [`multiply`] without a bias, with the kernel that `kernel` names.
///
/// # Panics
/// If the shapes disagree.
pub fn multiply_by(plan: &mut Plan, kernel: GemmKernel, x: &Tensor, weight: &Matrix, y: &Tensor) {
    let tiling = kernel.tiling(plan.device(), plan.max_tokens());
    Matmul::new(x, weight, None, y).record_alone(plan, |_| tiling.clone());
}
