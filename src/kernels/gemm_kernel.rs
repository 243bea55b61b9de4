//! Names the kernel that multiplies weights with the tokens of a prompt.

use std::fmt;
use std::str::FromStr;

use crate::device::Device;
use crate::dispatch::Kernel;
use crate::error::{Error, Result};
use crate::kernels::matmul::Tiling;
use crate::kernels::{gemm, gemm_matrix, gemm_rows, gemm_shared};

/// The kernel of a product with many tokens. It changes speed and the order of sums, but never the meaning.
///
/// ```
/// use sukashi::kernels::GemmKernel;
///
/// let kernel: GemmKernel = "gemm_shared".parse()?;
/// assert_eq!(kernel, GemmKernel::GemmShared);
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GemmKernel {
    /// [`crate::kernels::gemm`], which any device runs. The others are compared with it.
    Gemm,
    /// [`crate::kernels::gemm_rows`]
    GemmRows,
    /// [`crate::kernels::gemm_shared`]
    GemmShared,
    /// [`crate::kernels::gemm_matrix`]
    GemmMatrix,
}

impl GemmKernel {
    /// All kernels.
    pub const ALL: [Self; 4] = [Self::Gemm, Self::GemmRows, Self::GemmShared, Self::GemmMatrix];

    /// The default for the kind of `device`.
    pub fn of(device: &Device) -> Self {
        match device {
            Device::Gpu(gpu) if !gpu.is_software() => Self::GemmShared,
            Device::Gpu(_) if Self::GemmRows.runs_on(device) => Self::GemmRows,
            _ => Self::Gemm,
        }
    }

    /// The kernels that tuning tries on `device`: first [`GemmKernel::of`], then the others that the device runs.
    pub fn candidates(device: &Device) -> Vec<Self> {
        let default = Self::of(device);
        let others = Self::ALL.into_iter().filter(|&other| other != default && other.runs_on(device));
        std::iter::once(default).chain(others).collect()
    }

    /// Whether `device` has the features that the kernel needs.
    pub fn runs_on(self, device: &Device) -> bool {
        device.runs(self.kernel(device))
    }

    /// The kernel in the form for `device`.
    pub(crate) fn kernel(self, device: &Device) -> &'static Kernel {
        self.tiling(device, 1).0
    }

    /// The tiling for passes of up to `max_tokens` on `device`.
    pub(super) fn tiling(self, device: &Device, max_tokens: usize) -> Tiling {
        match self {
            Self::Gemm => gemm::tiling(),
            Self::GemmRows => gemm_rows::tiling(max_tokens),
            Self::GemmShared => gemm_shared::tiling(),
            Self::GemmMatrix => gemm_matrix::tiling(device),
        }
    }

    fn name(self) -> &'static str {
        self.kernel(&Device::Cpu).name
    }
}

impl fmt::Display for GemmKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for GemmKernel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kernel| kernel.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::input("invalid kernel for the products of a prompt")
                .detail(format!("found {text:?}, expected one of: {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written() {
        for kernel in GemmKernel::ALL {
            assert_eq!(kernel.to_string().parse::<GemmKernel>().unwrap(), kernel);
        }
        for bad in ["", "gemm_", "gemv", "GEMM", "gemm:32"] {
            assert!(bad.parse::<GemmKernel>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_default_comes_first() {
        let candidates = GemmKernel::candidates(&Device::Cpu);
        assert_eq!(candidates, GemmKernel::ALL, "the CPU runs all");
        assert_eq!(candidates[0], GemmKernel::of(&Device::Cpu));
    }
}
