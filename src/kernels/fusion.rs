//! The fusion levels of a decoded token's dispatches.

use std::fmt;
use std::str::FromStr;

use crate::device::{Device, Matrix};
use crate::error::{Error, Result};
use crate::kernels::gemv_rows;

/// Weights of a product that is small enough for each of its workgroups to norm what it reads, where lanes are those of a CPU.
const SMALL_WEIGHTS: usize = 1 << 18;

/// How far the dispatches of a decoded token are fused. Each level includes the levels before it. It changes speed, and numbers in
/// their last digits only.
///
/// A dispatch costs a GPU microseconds in which it does nothing else, so there everything goes into the products. On an adapter whose
/// lanes are those of a CPU, what a product does before it starts is done by each workgroup for itself, and costs more than it saves
/// where there are many.
///
/// ```
/// use sukashi::kernels::Fusion;
///
/// let fusion: Fusion = "epilogues".parse()?;
/// assert!(fusion > Fusion::None && fusion < Fusion::All);
/// assert_eq!(fusion.to_string(), "epilogues");
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fusion {
    /// Products, norms, activations and additions alone: `none`.
    None,
    /// Products end with the activation or the residual addition; an update's norm, its addition and the norm of what follows are
    /// one: `epilogues`.
    Epilogues,
    /// Small products begin with the norm of what they read: `small-norms`.
    SmallNorms,
    /// All products do, and with the norm of an update and its addition, too: `all`. It is six dispatches a layer, one more for each
    /// further format within a matrix, and one where attention is split.
    All,
}

impl Fusion {
    /// All of them, from the least.
    pub const ALL: [Self; 4] = [Self::None, Self::Epilogues, Self::SmallNorms, Self::All];

    /// What suits `device` as far as its kind tells.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Cpu | Device::Twins => Self::None,
            Device::Gpu(gpu) if !gpu.is_software() => Self::All,
            Device::Gpu(_) if device.runs(&gemv_rows::KERNEL) => Self::SmallNorms,
            Device::Gpu(_) => Self::Epilogues,
        }
    }

    /// Whether a product of these weights begins with the norm of what it reads.
    pub fn norms_for(self, weight: &Matrix) -> bool {
        match self {
            Self::None | Self::Epilogues => false,
            Self::SmallNorms => weight.rows * weight.columns <= SMALL_WEIGHTS,
            Self::All => true,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Epilogues => "epilogues",
            Self::SmallNorms => "small-norms",
            Self::All => "all",
        }
    }
}

impl fmt::Display for Fusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fusion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|fusion| fusion.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::input("invalid fusion level").detail(format!("found {text:?}, expected one of: {names}"))
        })
    }
}
