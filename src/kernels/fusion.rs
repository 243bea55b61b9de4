//! The fusion levels of a decoded token's dispatches.

use std::fmt;
use std::str::FromStr;

use crate::device::{Device, Matrix};
use crate::error::{Error, Result};
use crate::kernels::gemv_rows;

/// The most weights of a product whose every workgroup may norm the input itself on a software adapter.
const SMALL_WEIGHTS: usize = 1 << 18;

/// The fusion level of a decoded token's dispatches. Each level includes the levels before it. It changes speed, and
/// only the last digits of numbers.
///
/// A launch costs a GPU microseconds without other work, so a GPU fuses everything into the products. On a software
/// adapter, each workgroup repeats the work before the product. If a product has many workgroups, this costs more than
/// a launch.
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
    /// Each product, norm, activation and addition has its own kernel: `none`.
    None,
    /// A product ends with the activation or the residual addition. One kernel norms an update, adds it, and norms the
    /// sum: `epilogues`.
    Epilogues,
    /// A small product begins with the norm of its input: `small-norms`.
    SmallNorms,
    /// Each product begins with the norm of its input, and with the norm of an update and its addition: `all`. A layer
    /// has six dispatches, one more for each further format within a matrix, and one more if attention is split.
    All,
}

impl Fusion {
    /// All levels. The lowest comes first.
    pub const ALL: [Self; 4] = [Self::None, Self::Epilogues, Self::SmallNorms, Self::All];

    /// The default for the kind of `device`.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Cpu | Device::Twins => Self::None,
            Device::Gpu(gpu) if !gpu.is_software() => Self::All,
            Device::Gpu(_) if device.runs(&gemv_rows::KERNEL) => Self::SmallNorms,
            Device::Gpu(_) => Self::Epilogues,
        }
    }

    /// Whether a product with these weights begins with the norm of its input.
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
