//! The twin of `gemv`, and of `gemm`, which computes the same for many tokens at once.

use rayon::prelude::*;

use super::weight::unpack;
use crate::format::Format;

/// The number of rows below which threads cost more than they save.
const ROWS_PER_TASK: usize = 32;

/// The number of weights that are unpacked at a time.
const BLOCK: usize = 64;

/// The number of tokens that share an unpacked row.
const TOKENS: usize = 16;

/// A weight matrix, or a part of its rows.
#[derive(Debug, Clone, Copy)]
pub struct Weight<'a> {
    /// `[out_features, x_stride]` in `format`.
    pub words: &'a [u32],
    /// The format of the elements.
    pub format: Format,
    /// The biases of these rows, `[out_features]` or more. Empty if there are none.
    pub bias: &'a [f32],
    /// The number of rows.
    pub out_features: usize,
}

/// `y[t, first_row + r] = bias[r] + sum_c weight[r, c] * x[t, c]`; rows of `x` are `x_stride` apart, of `y` `y_stride`.
pub fn gemv(
    num_tokens: usize,
    weight: Weight<'_>,
    (x, x_stride): (&[f32], usize),
    (y, y_stride, first_row): (&mut [f32], usize, usize),
) {
    if num_tokens == 1 {
        let y = &mut y[first_row..first_row + weight.out_features];
        y.par_iter_mut().with_min_len(ROWS_PER_TASK).enumerate().for_each(|(row, y)| {
            [*y] = row_products(weight, row, x, x_stride, 1);
        });
        return;
    }
    // A row is unpacked once for as many tokens as there is room for their products.
    let mut rows = vec![[0.0_f32; TOKENS]; weight.out_features];
    for first in (0..num_tokens).step_by(TOKENS) {
        let tokens = TOKENS.min(num_tokens - first);
        let x = &x[first * x_stride..];
        rows.par_iter_mut().with_min_len(ROWS_PER_TASK).enumerate().for_each(|(row, products)| {
            *products = row_products(weight, row, x, x_stride, tokens);
        });
        for token in 0..tokens {
            let y = &mut y[(first + token) * y_stride + first_row..][..weight.out_features];
            for (y, products) in y.iter_mut().zip(&rows) {
                *y = products[token];
            }
        }
    }
}

/// Computes the products of row `row` with each of `tokens`, at most `N`, rows of `x`. The sums are in f64, and made of
/// eight partial sums that do not wait for each other.
fn row_products<const N: usize>(
    weight: Weight<'_>,
    row: usize,
    x: &[f32],
    x_stride: usize,
    tokens: usize,
) -> [f32; N] {
    let mut sums = [[0.0_f64; 8]; N];
    let mut unpacked = [0.0_f32; BLOCK];
    let row_words = weight.format.words_per_row(x_stride);
    let words = &weight.words[row * row_words..][..row_words];
    for block in (0..x_stride).step_by(BLOCK) {
        let unpacked = &mut unpacked[..BLOCK.min(x_stride - block)];
        unpack(words, weight.format, x_stride, block, unpacked);
        for (token, sums) in sums.iter_mut().enumerate().take(tokens) {
            let x = &x[token * x_stride + block..][..unpacked.len()];
            for (x, weights) in x.chunks_exact(8).zip(unpacked.chunks_exact(8)) {
                for lane in 0..8 {
                    sums[lane] += f64::from(weights[lane]) * f64::from(x[lane]);
                }
            }
        }
    }
    let bias = f64::from(weight.bias.get(row).copied().unwrap_or(0.0));
    sums.map(|sums| (sums.iter().sum::<f64>() + bias) as f32)
}
