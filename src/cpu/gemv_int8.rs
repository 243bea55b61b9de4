//! The twin of `gemv_int8` and `gemv_int8_rows`.

use rayon::prelude::*;

use super::gemv::{ROWS_PER_TASK, Weight};
use super::quantize::QUANTIZED_BLOCK_WORDS;
use super::weight::Planes;
use crate::tensor::BLOCK;

/// As [`super::gemv`] with tokens that [`super::quantize`] has rounded, `[num_tokens, x_stride / 32, 12]` words, and weights that are
/// quants: integer sums over half a block, and what they are multiplied with in f64.
///
/// # Panics
/// If the weights are floating-point numbers: a caller's bug.
pub fn gemv_int8(
    num_tokens: usize,
    weight: Weight<'_>,
    (quantized, x_stride): (&[u32], usize),
    (y, y_stride, first_row): (&mut [f32], usize, usize),
) {
    let Some(quants) = weight.format.quants() else { panic!("gemv_int8: weights that are no quants") };
    let row_words = weight.format.words_per_row(x_stride);
    let token_words = x_stride / BLOCK * QUANTIZED_BLOCK_WORDS;
    for token in 0..num_tokens {
        let x = &quantized[token * token_words..][..token_words];
        let y = &mut y[token * y_stride + first_row..][..weight.out_features];
        y.par_iter_mut().with_min_len(ROWS_PER_TASK).enumerate().for_each(|(row, y)| {
            let planes = Planes::new(&weight.words[row * row_words..][..row_words], quants, x_stride);
            let blocks = x.chunks_exact(QUANTIZED_BLOCK_WORDS).enumerate();
            let sum: f64 = blocks.map(|(block, x)| dot_block(&planes, block, x)).sum();
            *y = (sum + f64::from(weight.bias.get(row).copied().unwrap_or(0.0))) as f32;
        });
    }
}

fn dot_block(planes: &Planes<'_>, block: usize, x: &[u32]) -> f64 {
    let mut numbers = [0_i8; BLOCK];
    planes.numbers(block, &mut numbers);
    let bytes: &[i8] = bytemuck::cast_slice(&x[..BLOCK / 4]);
    let halves = numbers.chunks_exact(BLOCK / 2).zip(bytes.chunks_exact(BLOCK / 2)).enumerate();
    let sum: f64 = halves
        .map(|(half, (numbers, bytes))| {
            let (scale, offset) = planes.scale(block, half);
            let product = |(&a, &b): (&i8, &i8)| i32::from(a) * i32::from(b);
            let products: i32 = numbers.iter().zip(bytes).map(product).sum();
            let bytes: i32 = bytes.iter().copied().map(i32::from).sum();
            f64::from(scale) * f64::from(products) + f64::from(offset) * f64::from(bytes)
        })
        .sum();
    f64::from(f32::from_bits(x[BLOCK / 4])) * sum
}
