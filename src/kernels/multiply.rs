//! Weights with several tokens at once, by the kernel that suits.

use super::{gemm, gemm_rows, gemv_tokens};
use crate::device::Device;
use crate::kernels::Plan;
use crate::tensor::{Matrix, Tensor};

/// Whether products of many tokens have whole rows in every thread on this device.
pub(crate) fn multiplies_by_rows(device: &Device) -> bool {
    matches!(device, Device::Gpu(gpu) if gpu.is_software()) && device.runs(&gemm_rows::KERNEL)
}

/// Records `y = weight x + bias`, as suits the device and whether the tokens are of one text or one of each; shapes as [`crate::kernels::gemv`].
///
/// A token's sums do not depend on the tokens beside it.
///
/// # Panics
/// If the shapes disagree.
pub fn multiply(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    match plan.device() {
        device if multiplies_by_rows(device) => {
            gemm_rows::gemm_rows(plan, x, weight, bias, y);
        }
        Device::Gpu(gpu) if !gpu.is_software() && plan.tokens_of_text() == 1 => {
            gemv_tokens::gemv_tokens(plan, x, weight, bias, y);
        }
        _ => gemm::gemm(plan, x, weight, bias, y),
    }
}
