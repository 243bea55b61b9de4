//! Which kernel computes what, where several compute the same.

use std::collections::HashMap;

use crate::device::Device;
use crate::dispatch::Kernel;
use crate::error::{Error, Result};
use crate::kernels::{Fusion, GemmKernel, GemvShape, MatmulShape};

/// Which kernels compute a model's products, and how far the dispatches of a decoded token are fused. It changes speed and the order of
/// sums, never meaning.
///
/// A model owns one ([`crate::Model::choices`]) and gives it to every [`crate::kernels::Plan`]. [`crate::tuning`] finds out which is
/// fastest.
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

/// A choice for each product that has one of its own, and one for all others.
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
    /// What suits `device` as far as its kind tells.
    pub fn of(device: &Device) -> Self {
        let fusion = Fusion::of(device);
        Self {
            gemv: ByShape::all(GemvShape::of(device)),
            gemm: ByShape::all(GemmKernel::of(device)),
            fusion,
            fuses_heads: fusion != Fusion::None,
        }
    }

    /// As [`Choices::of`], but with what `text` names, so that results can be compared with each in turn: one [`GemvShape`] such as
    /// `gemv:64x32x1`, one [`GemmKernel`] such as `prefill:gemm_shared`, one [`Fusion`] such as `fusion:none`, or several with commas
    /// between them. The CPU has one way to compute, and keeps to it.
    ///
    /// # Errors
    /// If `text` names none of these, or `device` lacks what a kernel needs.
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

    /// Checks that `device` can run every kernel that is chosen.
    ///
    /// # Errors
    /// If it lacks what one needs.
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

    /// How threads share the rows of a product with one token.
    pub fn gemv_shape(&self, product: &MatmulShape) -> GemvShape {
        self.gemv.get(product)
    }

    /// Sets how threads share the rows of a product with one token.
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

    /// How far the dispatches of a decoded token are fused.
    pub fn fusion(&self) -> Fusion {
        self.fusion
    }

    /// The same choices with this fusion.
    #[must_use]
    pub fn with_fusion(self, fusion: Fusion) -> Self {
        Self { fusion, ..self }
    }

    /// Whether the norms of queries and keys, their rotation and the write into the cache are one dispatch, at any number of tokens. The
    /// CPU runs three, which cost it no launch.
    pub fn fuses_heads(&self) -> bool {
        self.fuses_heads
    }
}
