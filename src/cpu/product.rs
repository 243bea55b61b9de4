//! The twin of `gemv` and `gemv_rows`, with the operations that may be fused before and after the product.

use super::gelu_erf::gelu_erf_of;
use super::gelu_tanh::gelu_tanh_of;
use super::gemv::Weight;
use super::swiglu::silu_of;
use super::{layer_norm, rms_norm};

/// The operation that is fused after a product: the shaders' constant `EPILOGUE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Epilogue {
    /// No operation.
    Store,
    /// The product is added to the old value.
    Add,
    /// [`super::gelu_tanh`]
    GeluTanh,
    /// [`super::gelu_erf`]
    GeluErf,
    /// [`super::geglu`]. Two rows of weights make one column.
    GeGlu,
    /// [`super::swiglu`]. Two rows of weights make one column.
    SwiGlu,
}

impl Epilogue {
    /// All epilogues in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Store, Self::Add, Self::GeluTanh, Self::GeluErf, Self::GeGlu, Self::SwiGlu];

    /// Returns whether the first half of the rows are gates for the second half.
    pub fn is_gated(self) -> bool {
        matches!(self, Self::GeGlu | Self::SwiGlu)
    }

    /// Returns the value of the shaders' constant.
    pub fn code(self) -> u32 {
        self as u32
    }

    /// Returns the epilogue of an [`Epilogue::code`].
    ///
    /// # Panics
    /// If no epilogue has this code.
    pub(crate) fn from_code(code: u32) -> Self {
        Self::ALL[code as usize]
    }
}

/// A norm that is fused before a product. With a bias, it is a layer norm. Without a bias, it is an RMS norm.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// The weights, `[in_features]` or more.
    pub weight: &'a [f32],
    /// The biases, `[in_features]` or more.
    pub bias: Option<&'a [f32]>,
    /// The epsilon that is added to the variance or the mean square.
    pub eps: f32,
    /// The number of columns that are normed.
    pub in_features: usize,
}

/// A function that computes `y = weight x + bias` for some tokens: [`super::gemv`], or the one of [`super::fast`]. It
/// takes the number of tokens, the weights, `x` and its stride, and `y` with its stride and the place of the first row
/// there.
pub trait Gemv: Fn(usize, Weight<'_>, (&[f32], usize), (&mut [f32], usize, usize)) {}

impl<F: Fn(usize, Weight<'_>, (&[f32], usize), (&mut [f32], usize, usize))> Gemv for F {}

/// Computes `gemv` of the normed `x`, and writes the result of `epilogue` to `y`. If the epilogue gates, `weight` has
/// two rows for each column of `y`: all gates, then as many values.
pub fn product(
    gemv: impl Gemv,
    num_tokens: usize,
    weight: Weight<'_>,
    (norm, epilogue): (Option<Norm<'_>>, Epilogue),
    (x, x_stride): (&[f32], usize),
    (y, y_stride, first_row): (&mut [f32], usize, usize),
) {
    let mut normed = Vec::new();
    let x = match norm {
        None => x,
        Some(Norm { weight, bias, eps, in_features }) => {
            normed.resize(num_tokens * x_stride, 0.0);
            match bias {
                None => rms_norm(num_tokens, (in_features, x_stride), eps, weight, x, &mut normed),
                Some(bias) => {
                    layer_norm(num_tokens, x_stride, eps, (weight, bias), x, &mut normed, in_features);
                }
            }
            &normed
        }
    };
    let rows = weight.out_features;
    let multiply = |y: (&mut [f32], usize, usize)| gemv(num_tokens, weight, (x, x_stride), y);
    finish(multiply, (num_tokens, rows), epilogue, (y, y_stride, first_row));
}

/// Applies `epilogue` to the products of `multiply`, and writes the results to `y`, whose rows are `y_stride` apart.
/// `multiply` takes the destination, and writes `rows` products for each token.
fn finish(
    multiply: impl FnOnce((&mut [f32], usize, usize)),
    (num_tokens, rows): (usize, usize),
    epilogue: Epilogue,
    (y, y_stride, first_row): (&mut [f32], usize, usize),
) {
    if epilogue == Epilogue::Store {
        return multiply((y, y_stride, first_row));
    }
    let mut products = vec![0.0; num_tokens * rows];
    multiply((&mut products, rows, 0));
    let columns = if epilogue.is_gated() { rows / 2 } else { rows };
    for (token, products) in products.chunks_exact(rows).enumerate() {
        let y = &mut y[token * y_stride + first_row..][..columns];
        for (column, y) in y.iter_mut().enumerate() {
            let product = f64::from(products[column]);
            let value = || f64::from(products[columns + column]);
            *y = match epilogue {
                Epilogue::Store => product,
                Epilogue::Add => f64::from(*y) + product,
                Epilogue::GeluTanh => gelu_tanh_of(product),
                Epilogue::GeluErf => gelu_erf_of(product),
                Epilogue::GeGlu => gelu_tanh_of(product) * value(),
                Epilogue::SwiGlu => silu_of(product) * value(),
            } as f32;
        }
    }
}
