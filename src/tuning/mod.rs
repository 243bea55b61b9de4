//! Finds the fastest kernels of a device by trying them.
//!
//! [`tune`] compares every shape of a product with the default, since some drivers miscompile, and times the correct
//! ones. [`tune_gemm`] does the same with the kernels of a prompt's products, and [`tune_fusion`] with the fusion
//! levels of a decoded token. The result is a [`Tuning`] for one device and any number of models. [`Tuning::choices`]
//! makes the [`Choices`] of a model from it.

mod fusion;
mod measure;
mod store;
mod trial;

pub use fusion::tune_fusion;
pub use measure::{tune, tune_gemm};

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::device::Device;
use crate::kernels::{Choices, Fusion, GemmKernel, GemvShape, MatmulShape};
use crate::weights::hexadecimal;

/// The name of the schema of a stored tuning.
pub const SCHEMA: &str = "sukashi.tuning/4";

/// The shapes and kernels of products, and the fusion levels of models. A product or a model that is absent takes the device's default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tuning {
    shapes: HashMap<MatmulShape, GemvShape>,
    prefills: HashMap<MatmulShape, GemmKernel>,
    /// The fusion levels by [`model_key`].
    fusions: HashMap<String, Fusion>,
}

/// Returns a key that identifies a model by its products.
fn model_key(products: &[MatmulShape]) -> String {
    let mut hasher = Sha256::new();
    for MatmulShape { out_features, in_features, format, .. } in products {
        hasher.update(format!("{out_features} {in_features} {}\n", format.name()));
    }
    hexadecimal(hasher)[..16].to_owned()
}

impl Tuning {
    /// Returns the fastest known choices for a model of these products on `device`. Without a known one, the default of
    /// the device's kind is taken. The CPU has only one way to compute.
    pub fn choices(&self, device: &Device, products: &[MatmulShape]) -> Choices {
        let mut choices = Choices::of(device);
        if matches!(device, Device::Cpu | Device::Twins) {
            return choices;
        }
        for product in products {
            if let Some(shape) = self.shape(product).filter(|shape| device.runs(shape.kernel())) {
                choices.set_gemv_shape(*product, shape);
            }
            if let Some(prefill) = self.gemm_kernel(product).filter(|prefill| prefill.runs_on(device)) {
                choices.set_gemm_kernel(*product, prefill);
            }
        }
        match self.fusion(products) {
            Some(fusion) => choices.with_fusion(fusion),
            None => choices,
        }
    }

    /// Returns the shape for a product, if there is one.
    pub fn shape(&self, product: &MatmulShape) -> Option<GemvShape> {
        self.shapes.get(product).copied()
    }

    /// Sets the shape for a product.
    pub fn set(&mut self, product: MatmulShape, shape: GemvShape) {
        self.shapes.insert(product, shape);
    }

    /// Returns the kernel for a product with the tokens of a prompt, if there is one.
    pub fn gemm_kernel(&self, product: &MatmulShape) -> Option<GemmKernel> {
        self.prefills.get(product).copied()
    }

    /// Sets the kernel for a product with the tokens of a prompt.
    pub fn set_gemm_kernel(&mut self, product: MatmulShape, prefill: GemmKernel) {
        self.prefills.insert(product, prefill);
    }

    /// Returns the fusion level for a model of these products, if it is known.
    pub fn fusion(&self, products: &[MatmulShape]) -> Option<Fusion> {
        self.fusions.get(&model_key(products)).copied()
    }

    /// Sets the fusion level for a model of these products.
    pub fn set_fusion(&mut self, products: &[MatmulShape], fusion: Fusion) {
        self.fusions.insert(model_key(products), fusion);
    }

    /// Adds all entries of `other`.
    pub fn extend(&mut self, other: Self) {
        self.shapes.extend(other.shapes);
        self.prefills.extend(other.prefills);
        self.fusions.extend(other.fusions);
    }

    /// Returns whether every one of `products` has a shape.
    pub fn covers(&self, products: &[MatmulShape]) -> bool {
        products.iter().all(|product| self.shape(product).is_some())
    }

    /// Returns whether every one of `products` has a kernel for the tokens of a prompt.
    pub fn covers_gemm(&self, products: &[MatmulShape]) -> bool {
        products.iter().all(|product| self.gemm_kernel(product).is_some())
    }
}
