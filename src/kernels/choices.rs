//! Names the kernel for each product if several kernels compute the same.

use std::collections::HashMap;

use crate::device::Device;
use crate::dispatch::Kernel;
use crate::error::{Error, Result};
use crate::kernels::{Fusion, GemmKernel, GemvShape, MatmulShape};

/// Names the kernels for a model's products, and the fusion level of a decoded token's dispatches. It changes speed and
/// the order of sums, but never the meaning.
///
/// A model owns one ([`crate::Model::choices`]) and gives it to every [`crate::kernels::Plan`]. [`crate::tuning`] finds
/// the fastest choices.
///
/// ```
/// use sukashi::Device;
/// use sukashi::kernels::{Choices, Fusion};
///
/// let choices = Choices::of(&Device::Cpu);
/// assert_eq!(choices.fusion(), Fusion::None);
/// assert_eq!(choices.with_fusion(Fusion::All).fusion(), Fusion::All);
/// assert!(Choices::forced(&Device::Cpu, "gemv:64x128x1").is_err());
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    gemv: ByShape<GemvShape>,
    gemm: ByShape<GemmKernel>,
    fusion: Fusion,
    fuses_heads: bool,
}

/// The choices of some products, and one for all others.
#[derive(Debug, Clone, PartialEq)]
struct ByShape<T> {
    default: T,
    own: HashMap<MatmulShape, T>,
}

impl<T: Copy> ByShape<T> {
    fn all(default: T) -> Self {
        Self { default, own: HashMap::new() }
    }

    fn get(&self, product: &MatmulShape) -> T {
        self.own.get(product).copied().unwrap_or(self.default)
    }

    fn iter(&self) -> impl Iterator<Item = T> {
        std::iter::once(self.default).chain(self.own.values().copied())
    }
}

impl Choices {
    /// The defaults for the kind of `device`.
    pub fn of(device: &Device) -> Self {
        let fusion = Fusion::of(device);
        Self {
            gemv: ByShape::all(GemvShape::of(device)),
            gemm: ByShape::all(GemmKernel::of(device)),
            fusion,
            fuses_heads: fusion != Fusion::None,
        }
    }

    /// The choices of [`Choices::of`], except for those that `text` names. So results can be compared for each kernel
    /// in turn. `text` is a [`GemvShape`] such as `gemv:64x32x1`, a [`GemmKernel`] such as `prefill:gemm_shared`, a
    /// [`Fusion`] such as `fusion:none`, or several of them with commas in between. The CPU has one way to compute, and
    /// ignores the text.
    ///
    /// # Errors
    /// If `text` names no choice, or if `device` lacks a feature that a kernel needs.
    pub fn forced(device: &Device, text: &str) -> Result<Self> {
        let mut choices = Self::of(device);
        for part in text.split(',') {
            match part.split_once(':') {
                Some(("fusion", fusion)) => choices.fusion = fusion.parse()?,
                Some(("prefill", kernel)) => choices.gemm = ByShape::all(kernel.parse()?),
                _ => choices.gemv = ByShape::all(part.parse()?),
            }
        }
        choices.check(device)?;
        Ok(if matches!(device, Device::Cpu | Device::Twins) { Self::of(device) } else { choices })
    }

    /// Checks that `device` can run every chosen kernel.
    ///
    /// # Errors
    /// If it lacks a feature that a kernel needs.
    pub fn check(&self, device: &Device) -> Result<()> {
        let gemv = self.gemv.iter().map(GemvShape::kernel);
        let mut kernels = gemv.chain(self.gemm.iter().map(|gemm| gemm.kernel(device)));
        match kernels.find(|kernel| !device.runs(kernel)) {
            None => Ok(()),
            Some(Kernel { name, requires, .. }) => {
                Err(Error::input(format!("cannot run {name} on {}", device.info().name))
                    .detail(format!("it requires {requires}"))
                    .hint("`sukashi adapters` lists what an adapter has"))
            }
        }
    }

    /// The way in which threads share the rows of a product with one token.
    pub fn gemv_shape(&self, product: &MatmulShape) -> GemvShape {
        self.gemv.get(product)
    }

    /// Sets the way in which threads share the rows of a product with one token.
    pub fn set_gemv_shape(&mut self, product: MatmulShape, shape: GemvShape) {
        self.gemv.own.insert(product, shape);
    }

    /// The kernel of a product with the tokens of a prompt.
    pub fn gemm_kernel(&self, product: &MatmulShape) -> GemmKernel {
        self.gemm.get(product)
    }

    /// Sets the kernel of a product with the tokens of a prompt.
    pub fn set_gemm_kernel(&mut self, product: MatmulShape, kernel: GemmKernel) {
        self.gemm.own.insert(product, kernel);
    }

    /// The fusion level of a decoded token's dispatches.
    pub fn fusion(&self) -> Fusion {
        self.fusion
    }

    /// The same choices with this fusion level.
    #[must_use]
    pub fn with_fusion(self, fusion: Fusion) -> Self {
        Self { fusion, ..self }
    }

    /// Whether one dispatch norms queries and keys, rotates them, and writes the KV cache, for any number of tokens.
    /// The CPU runs three kernels, since it has no cost of a launch.
    pub fn fuses_heads(&self) -> bool {
        self.fuses_heads
    }
}
