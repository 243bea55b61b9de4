//! Which products are computed with activations rounded to eight bits.

use std::collections::HashMap;

use crate::device::Device;
use crate::kernels::{GemvShape, Product};
use crate::tensor::{Matrix, row_stride};

/// The products of a model whose activations are rounded to eight bits ([`crate::kernels::quantize`]) where a token is decoded, and how
/// threads share the rows of each. All others are computed as ever. It changes numbers: see [`crate::tuning::Quality`].
///
/// ```
/// use sukashi::kernels::{Int8Shapes, Product};
/// use sukashi::tensor::Format;
///
/// let products = [Product::new(640, 1024, Format::Q8_0), Product::new(640, 1024, Format::F16)];
/// let shapes = Int8Shapes::of(&products, "gemv_int8:64x32x1".parse()?);
/// assert!(shapes.get(&products[0]).is_some());
/// assert!(shapes.get(&products[1]).is_none(), "floating-point numbers have no integers to multiply");
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Int8Shapes(HashMap<Product, GemvShape>);

impl Int8Shapes {
    /// One shape for those of `products` whose weights are quants.
    ///
    /// # Panics
    /// As [`Int8Shapes::set`].
    pub fn of(products: &[Product], shape: GemvShape) -> Self {
        let mut shapes = Self::default();
        for product in products.iter().filter(|product| product.is_of_quants()) {
            shapes.set(*product, shape);
        }
        shapes
    }

    /// Rounds the activations of a product, and computes it in `shape`.
    ///
    /// # Panics
    /// If the shape's kernel takes no bytes, or the product's weights are no quants.
    pub fn set(&mut self, product: Product, shape: GemvShape) {
        assert!(shape.int8 && product.is_of_quants(), "{shape} of {}", product.format.name());
        self.0.insert(product, shape);
    }

    /// The shape of a product whose activations are rounded.
    pub fn get(&self, product: &Product) -> Option<GemvShape> {
        self.0.get(product).copied()
    }

    /// Whether no product is rounded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The products, and their shapes.
    pub fn iter(&self) -> impl Iterator<Item = (&Product, GemvShape)> {
        self.0.iter().map(|(product, shape)| (product, *shape))
    }

    /// Those that `device` can run.
    pub(crate) fn on(&self, device: &Device) -> Self {
        let runs = self.iter().filter(|(_, shape)| device.runs(shape.kernel()));
        Self(runs.map(|(product, shape)| (*product, shape)).collect())
    }

    /// Whether the activations of some of these weights are rounded.
    pub(crate) fn has_part_of(&self, weight: &Matrix) -> bool {
        let stride = row_stride(weight.columns);
        weight.parts.iter().any(|part| self.get(&Product::of_part(part, stride)).is_some())
    }
}
