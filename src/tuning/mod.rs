//! What is fastest on a device, found by trying.
//!
//! [`tune`] checks every shape of a product against the default first, since drivers do miscompile, and times those that are right;
//! [`tune_fusion`] does the same with what the dispatches of a model's token bring together. [`Tuning`] is what came out. A device that
//! is given one, by [`crate::Device::set_tuning`], uses it in every plan that is made afterwards.

mod fusion;
mod measure;
mod store;

pub use fusion::tune_fusion;
pub use measure::tune;

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::kernels::{Fusion, GemvShape, Product};
use crate::weights::hexadecimal;

/// The name of a stored tuning's form.
pub const SCHEMA: &str = "sukashi.tuning/2";

/// The shapes that products are computed with, and what the dispatches of models bring together; what is not there has its device's
/// default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tuning {
    shapes: HashMap<Product, GemvShape>,
    /// By [`model_key`].
    fusions: HashMap<String, Fusion>,
    forced_shape: Option<GemvShape>,
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
    /// One shape for every product, or one [`Fusion`] for every model, so that results can be compared with each in turn: their
    /// texts, such as `gemv:64x32x1`, `fusion:none`, or both with a comma between them.
    ///
    /// # Errors
    /// If one of them is neither.
    pub fn forced(text: &str) -> Result<Self> {
        let mut tuning = Self::default();
        for part in text.split(',') {
            match part.strip_prefix("fusion:") {
                Some(fusion) => tuning.forced_fusion = Some(fusion.parse()?),
                None => tuning.forced_shape = Some(part.parse()?),
            }
        }
        Ok(tuning)
    }

    /// The shape for a product, if there is one.
    pub fn shape(&self, product: &Product) -> Option<GemvShape> {
        self.forced_shape.or_else(|| self.shapes.get(product).copied())
    }

    /// Sets the shape for a product.
    pub fn set(&mut self, product: Product, shape: GemvShape) {
        self.shapes.insert(product, shape);
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
        self.fusions.extend(other.fusions);
    }

    /// Whether every one of `products` has a shape.
    pub fn covers(&self, products: &[Product]) -> bool {
        products.iter().all(|product| self.shape(product).is_some())
    }
}
