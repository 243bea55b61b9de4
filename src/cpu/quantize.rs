//! The twin of `quantize`.

use crate::tensor::BLOCK;

/// Words that a block of activations is rounded to: 32 signed bytes, the bits of their scale, the sums of the first and the last 16, and
/// one that is 0.
pub const QUANTIZED_BLOCK_WORDS: usize = 12;

/// The largest byte.
const LARGEST: f64 = 127.0;

/// What is less is taken for 0, so that its inverse is a number.
const LEAST: f32 = 1e-30;

/// Rounds each block of 32 columns of `x`, `[num_tokens, x_stride]`, to bytes, of which the largest is 127, and a scale;
/// `quantized` is `[num_tokens, x_stride / 32, 12]`. What has an element that is no finite number has bytes 0 and its bits for a scale.
pub fn quantize(num_tokens: usize, x_stride: usize, x: &[f32], quantized: &mut [u32]) {
    let blocks = num_tokens * x_stride / BLOCK;
    let quantized = quantized.chunks_exact_mut(QUANTIZED_BLOCK_WORDS);
    for (x, words) in x.chunks_exact(BLOCK).zip(quantized).take(blocks) {
        words.fill(0);
        // Bits of magnitudes are in their order, with infinity and NaN above all numbers.
        let bits = x.iter().map(|x| x.abs().to_bits()).max().unwrap_or(0);
        let largest = f32::from_bits(bits);
        if !largest.is_finite() {
            words[8] = bits;
        } else if largest >= LEAST {
            let byte = |x: f32| (f64::from(x) * LARGEST / f64::from(largest)).round_ties_even() as i8;
            for (index, x) in x.chunks_exact(4).enumerate() {
                words[index] = u32::from_le_bytes([0, 1, 2, 3].map(|lane| byte(x[lane]) as u8));
            }
            // The one rounded number, in f32 as everywhere: the bits are compared.
            words[8] = (largest * (1.0 / 127.0)).to_bits();
            let sum = |x: &[f32]| x.iter().map(|&x| i32::from(byte(x))).sum::<i32>() as u32;
            words[9] = sum(&x[..BLOCK / 2]);
            words[10] = sum(&x[BLOCK / 2..]);
        }
    }
}
