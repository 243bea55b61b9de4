//! The twin of `gemv` and of `gemm`, which computes the same for many tokens at once.

use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use rayon::prelude::*;

use crate::tensor::Format;

/// Rows below which threads cost more than they save.
const ROWS_PER_TASK: usize = 32;

/// Weights that are unpacked at a time.
const BLOCK: usize = 64;

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

/// The product of stored elements from `start` on with `x`, in f64, over eight partial sums that do not wait for each
/// other.
fn dot(words: &[u32], format: Format, start: usize, x: &[f32]) -> f64 {
    let mut sums = [0.0_f64; 8];
    let mut weights = [0.0_f32; BLOCK];
    for (block, x) in x.chunks(BLOCK).enumerate() {
        let weights = &mut weights[..x.len()];
        unpack(words, format, start + block * BLOCK, weights);
        for (x, weights) in x.chunks_exact(8).zip(weights.chunks_exact(8)) {
            for lane in 0..8 {
                sums[lane] += f64::from(weights[lane]) * f64::from(x[lane]);
            }
        }
    }
    sums.iter().sum()
}

/// Stored elements from `start`, a multiple of 8, on as f32.
fn unpack(words: &[u32], format: Format, start: usize, to: &mut [f32]) {
    match format {
        Format::F32 => to.copy_from_slice(bytemuck::cast_slice(&words[start..start + to.len()])),
        Format::F16 => {
            let halves: &[u16] = bytemuck::cast_slice(&words[start / 2..(start + to.len()) / 2]);
            halves.reinterpret_cast::<half::f16>().convert_to_f32_slice(to);
        }
        Format::Bf16 => {
            for (to, word) in to.chunks_exact_mut(2).zip(&words[start / 2..]) {
                to[0] = f32::from_bits(word << 16);
                to[1] = f32::from_bits(word & 0xffff_0000);
            }
        }
    }
}
