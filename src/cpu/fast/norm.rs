//! Norms.

use fearless_simd::{Simd, dispatch, f32x16};

use super::lanes::{level, map2, sum};

/// Computes the same as the twin, in f32.
pub fn rms_norm(
    num_tokens: usize,
    (hidden_size, stride): (usize, usize),
    eps: f32,
    weight: &[f32],
    x: &[f32],
    y: &mut [f32],
) {
    dispatch!(level(), simd => {
        for token in 0..num_tokens {
            let x = &x[token * stride..][..hidden_size];
            let scale = rms_scale(simd, x, eps);
            let y = &mut y[token * stride..][..hidden_size];
            map2(simd, x, weight, y, |x, weight| x * scale * weight);
        }
    });
}

/// Computes the same as the twin, in f32.
pub fn layer_norm(
    num_tokens: usize,
    stride: usize,
    eps: f32,
    (weight, bias): (&[f32], &[f32]),
    x: &[f32],
    y: &mut [f32],
    hidden_size: usize,
) {
    dispatch!(level(), simd => {
        for token in 0..num_tokens {
            let x = &x[token * stride..][..hidden_size];
            let size = hidden_size as f32;
            let mean = sum(simd, x, |x| x) / size;
            let variance = sum(simd, x, |x| (x - mean) * (x - mean)) / size;
            let scale = 1.0 / (variance + eps).sqrt();
            let y = &mut y[token * stride..][..hidden_size];
            map2(simd, x, weight, y, |x, weight| (x - mean) * scale * weight);
            for (y, bias) in y.iter_mut().zip(bias) {
                *y += bias;
            }
        }
    });
}

/// Computes the same as the twin, in f32.
pub fn qk_norm(
    num_tokens: usize,
    (num_heads, num_kv_heads, head_dim): (usize, usize, usize),
    eps: f32,
    (q_weight, k_weight): (&[f32], &[f32]),
    (qkv, stride): (&mut [f32], usize),
) {
    dispatch!(level(), simd => {
        for token in 0..num_tokens {
            for head in 0..num_heads + num_kv_heads {
                let weight = if head < num_heads { q_weight } else { k_weight };
                let x = &mut qkv[token * stride + head * head_dim..][..head_dim];
                let scale = rms_scale(simd, x, eps);
                for (x, weight) in x.iter_mut().zip(weight) {
                    *x = *x * scale * weight;
                }
            }
        }
    });
}

/// `1 / sqrt(mean(x^2) + eps)`
#[inline(always)]
fn rms_scale<S: Simd>(simd: S, x: &[f32], eps: f32) -> f32 {
    let squares = sum(simd, x, |x: f32x16<S>| x * x);
    1.0 / (squares / x.len() as f32 + eps).sqrt()
}
