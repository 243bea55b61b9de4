//! The twin of `gemv` and of `gemm`, which computes the same for many tokens at once.

use rayon::prelude::*;

use super::element;
use crate::tensor::Format;

/// Rows below which threads cost more than they save.
const ROWS_PER_TASK: usize = 32;

/// A weight matrix, or a part of its rows.
#[derive(Debug, Clone, Copy)]
pub struct Weight<'a> {
    /// `[out_features, x_stride]` in `format`.
    pub words: &'a [u32],
    /// How elements are stored.
    pub format: Format,
    /// `[out_features]` or more, of these rows; or empty.
    pub bias: &'a [f32],
    /// How many rows.
    pub out_features: usize,
}

/// `y[t, first_row + r] = bias[r] + sum_c weight[r, c] * x[t, c]`; rows of `x` are `x_stride` apart, of `y` `y_stride`.
pub fn gemv(
    num_tokens: usize,
    weight: Weight<'_>,
    (x, x_stride): (&[f32], usize),
    (y, y_stride, first_row): (&mut [f32], usize, usize),
) {
    for token in 0..num_tokens {
        let x = &x[token * x_stride..][..x_stride];
        let y = &mut y[token * y_stride + first_row..][..weight.out_features];
        y.par_iter_mut().with_min_len(ROWS_PER_TASK).enumerate().for_each(|(row, y)| {
            let product = dot(weight.words, weight.format, row * x_stride, x);
            *y = (product + f64::from(weight.bias.get(row).copied().unwrap_or(0.0))) as f32;
        });
    }
}

/// The product of stored elements from `start` on with `x`, in f64, over four partial sums that do not wait for each
/// other.
fn dot(words: &[u32], format: Format, start: usize, x: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 4];
    for (block, x) in x.chunks_exact(4).enumerate() {
        for lane in 0..4 {
            let weight = element(words, format, start + 4 * block + lane);
            sums[lane] += f64::from(weight) * f64::from(x[lane]);
        }
    }
    sums.iter().sum()
}
