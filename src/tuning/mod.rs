//! Which shape of a kernel is fastest on a device, found by trying.
//!
//! [`tune`] checks every candidate against the default first, since drivers do miscompile, and times those that are right.
//! [`Tuning`] is what came out: a shape for each product. A device that is given one, by [`crate::Device::set_tuning`], uses it
//! in every plan that is made afterwards.

mod measure;
mod store;

pub use measure::tune;

use std::collections::HashMap;

use crate::kernels::{GemvShape, Product};

/// The name of a stored tuning's form.
pub const SCHEMA: &str = "sukashi.tuning/1";

/// The shapes that products are computed with; a product that is not there has its device's default.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tuning {
    shapes: HashMap<Product, GemvShape>,
    forced: Option<GemvShape>,
}

impl Tuning {
    /// One shape for every product, so that results can be compared with each shape in turn.
    pub fn forced(shape: GemvShape) -> Self {
        Self { shapes: HashMap::new(), forced: Some(shape) }
    }

    /// The shape for a product, if there is one.
    pub fn shape(&self, product: &Product) -> Option<GemvShape> {
        self.forced.or_else(|| self.shapes.get(product).copied())
    }

    /// Sets the shape for a product.
    pub fn set(&mut self, product: Product, shape: GemvShape) {
        self.shapes.insert(product, shape);
    }

    /// Whether every one of `products` has a shape.
    pub fn covers(&self, products: &[Product]) -> bool {
        products.iter().all(|product| self.shape(product).is_some())
    }
}
