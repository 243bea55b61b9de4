//! What is fastest on a device, found by trying.
//!
//! [`tune`] checks every shape of a product against the default first, since drivers do miscompile, and times those that are right;
//! [`tune_prefill`] does the same with the kernels of a prompt's products, [`tune_fusion`] with what the dispatches of a model's token
//! bring together. [`Tuning`] is what came out. A device that
//! is given one, by [`crate::Device::set_tuning`], uses it in every plan that is made afterwards.

mod fusion;
mod measure;
mod store;
mod trial;

pub use fusion::tune_fusion;
pub use measure::{tune, tune_prefill};

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernels::{Fusion, GemvShape, Kernel, Prefill, Product};
use crate::weights::hexadecimal;

/// The name of a stored tuning's form.
pub const SCHEMA: &str = "sukashi.tuning/4";

/// The shapes and kernels that products are computed with, and what the dispatches of models bring together; what is not there has its
/// device's default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tuning {
    shapes: HashMap<Product, GemvShape>,
    prefills: HashMap<Product, Prefill>,
    /// By [`model_key`].
    fusions: HashMap<String, Fusion>,
    forced_shape: Option<GemvShape>,
    forced_prefill: Option<Prefill>,
    forced_fusion: Option<Fusion>,
}

/// Tells models apart by what they multiply.
fn model_key(products: &[Product]) -> String {
    let mut hasher = Sha256::new();
    for Product { out_features, in_features, format, .. } in products {
        hasher.update(format!("{out_features} {in_features} {}\n", format.name()));
    }
    hexadecimal(hasher)[..16].to_owned()
}

impl Tuning {
    /// One shape, or one [`Prefill`], for every product, or one [`Fusion`] for every model, so that results can be compared with each in
    /// turn: their texts, such as `gemv:64x32x1`, `prefill:gemm_shared`, `fusion:none`, or several with commas between them.
    ///
    /// # Errors
    /// If one of them is none of these.
    pub fn forced(text: &str) -> Result<Self> {
        let mut tuning = Self::default();
        for part in text.split(',') {
            match part.split_once(':') {
                Some(("fusion", fusion)) => tuning.forced_fusion = Some(fusion.parse()?),
                Some(("prefill", prefill)) => tuning.forced_prefill = Some(prefill.parse()?),
                _ => tuning.forced_shape = Some(part.parse()?),
            }
        }
        Ok(tuning)
    }

    /// Whether `device` can run what is forced; the CPU has one way to compute, and keeps to it.
    ///
    /// # Errors
    /// If it lacks what a kernel needs.
    pub fn check(&self, device: &Device) -> Result<()> {
        let shape = self.forced_shape.map(GemvShape::kernel);
        let prefill = self.forced_prefill.map(|prefill| prefill.kernel(device));
        match [shape, prefill].into_iter().flatten().find(|kernel| !device.runs(kernel)) {
            None => Ok(()),
            Some(Kernel { name, requires, .. }) => {
                Err(Error::input(format!("cannot run {name} on {}", device.info().name))
                    .detail(format!("it requires {requires}"))
                    .hint("`sukashi adapters` lists what an adapter has"))
            }
        }
    }

    /// The shape for a product, if there is one.
    pub fn shape(&self, product: &Product) -> Option<GemvShape> {
        self.forced_shape.or_else(|| self.shapes.get(product).copied())
    }

    /// Sets the shape for a product.
    pub fn set(&mut self, product: Product, shape: GemvShape) {
        self.shapes.insert(product, shape);
    }

    /// The kernel for a product with the tokens of a prompt, if there is one.
    pub fn prefill(&self, product: &Product) -> Option<Prefill> {
        self.forced_prefill.or_else(|| self.prefills.get(product).copied())
    }

    /// Sets the kernel for a product with the tokens of a prompt.
    pub fn set_prefill(&mut self, product: Product, prefill: Prefill) {
        self.prefills.insert(product, prefill);
    }

    /// What dispatches bring together in a model of these products, if that is known.
    pub fn fusion(&self, products: &[Product]) -> Option<Fusion> {
        self.forced_fusion.or_else(|| self.fusions.get(&model_key(products)).copied())
    }

    /// Sets what dispatches bring together in a model of these products.
    pub fn set_fusion(&mut self, products: &[Product], fusion: Fusion) {
        self.fusions.insert(model_key(products), fusion);
    }

    /// Takes over what `other` knows.
    pub fn extend(&mut self, other: Self) {
        self.shapes.extend(other.shapes);
        self.prefills.extend(other.prefills);
        self.fusions.extend(other.fusions);
    }

    /// Whether every one of `products` has a shape.
    pub fn covers(&self, products: &[Product]) -> bool {
        products.iter().all(|product| self.shape(product).is_some())
    }

    /// Whether every one of `products` has a kernel for the tokens of a prompt.
    pub fn covers_prefill(&self, products: &[Product]) -> bool {
        products.iter().all(|product| self.prefill(product).is_some())
    }
}
