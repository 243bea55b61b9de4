//! What one dispatch of a decoded token does.

use crate::device::Device;
use crate::kernels::gemv_rows;
use crate::tensor::Matrix;

/// What the dispatches of a decoded token bring together. It changes speed, and numbers in their last digits only.
///
/// A dispatch costs a GPU microseconds in which it does nothing else, so there everything goes into the products. On an adapter whose
/// lanes are those of a CPU, what a product does before it starts is done by each workgroup for itself, and costs more than it saves
/// where there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fusion {
    /// Products end with the activation or the residual addition; an update's norm, its addition and the norm of what follows are one.
    pub epilogues: bool,
    /// Products of at most so many weights begin with the norm of what they read.
    pub max_normed_weights: usize,
    /// Products begin with the norm of an update and its addition, too.
    pub residuals: bool,
}

impl Fusion {
    /// Every kernel alone.
    pub const NONE: Self = Self { epilogues: false, max_normed_weights: 0, residuals: false };
    /// For software adapters without subgroups.
    pub const SOFTWARE: Self = Self { epilogues: true, ..Self::NONE };
    /// The same where lanes can share what they read.
    pub const SOFTWARE_SUBGROUPS: Self = Self { max_normed_weights: 1 << 18, ..Self::SOFTWARE };
    /// At most six dispatches a layer.
    pub const GPU: Self = Self { epilogues: true, max_normed_weights: usize::MAX, residuals: true };
    /// What [`Fusion::of`] gives.
    pub const ALL: [Self; 4] = [Self::NONE, Self::SOFTWARE, Self::SOFTWARE_SUBGROUPS, Self::GPU];

    /// What suits `device`.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Cpu | Device::Twins => Self::NONE,
            Device::Gpu(gpu) if !gpu.is_software() => Self::GPU,
            Device::Gpu(_) if device.runs(&gemv_rows::KERNEL) => Self::SOFTWARE_SUBGROUPS,
            Device::Gpu(_) => Self::SOFTWARE,
        }
    }

    /// Whether a product of these weights begins with the norm of what it reads.
    pub fn norms_for(self, weight: &Matrix) -> bool {
        weight.rows * weight.columns <= self.max_normed_weights
    }
}
