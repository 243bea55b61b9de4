//! Activations, and the soft cap of logits.

use fearless_simd::{Simd, dispatch, f32x16};
use rayon::prelude::*;

use super::exp::{erf, sigmoid, tanh};
use super::lanes::{level, map, map2, update};

/// The elements of a task. A task takes some microseconds, which is long compared with starting it.
const ELEMENTS_PER_TASK: usize = 1 << 14;

/// Runs `row` on each token's row of `y`, in parallel if there are many.
fn rows(num_tokens: usize, (y, y_stride): (&mut [f32], usize), row: impl Fn(usize, &mut [f32]) + Sync) {
    if num_tokens == 1 {
        return row(0, y);
    }
    y.par_chunks_mut(y_stride)
        .with_min_len((ELEMENTS_PER_TASK / y_stride).max(1))
        .take(num_tokens)
        .enumerate()
        .for_each(|(token, y)| row(token, y));
}

/// Computes the same as the twin, in f32.
pub fn gelu_tanh(num_tokens: usize, columns: usize, stride: usize, x: &[f32], y: &mut [f32]) {
    rows(num_tokens, (y, stride), |token, y| {
        let x = &x[token * stride..][..columns];
        dispatch!(level(), simd => map(simd, x, &mut y[..columns], |x| gelu_tanh_of(simd, x)));
    });
}

/// Computes the same as the twin, in f32.
pub fn gelu_erf(num_tokens: usize, columns: usize, stride: usize, x: &[f32], y: &mut [f32]) {
    rows(num_tokens, (y, stride), |token, y| {
        let x = &x[token * stride..][..columns];
        dispatch!(level(), simd => map(simd, x, &mut y[..columns], |x| {
            x * 0.5 * (erf(simd, x * std::f32::consts::FRAC_1_SQRT_2) + 1.0)
        }));
    });
}

/// Computes the same as the twin, in f32.
pub fn geglu(
    num_tokens: usize,
    columns: usize,
    (x, x_stride): (&[f32], usize),
    (y, y_stride): (&mut [f32], usize),
) {
    rows(num_tokens, (y, y_stride), |token, y| {
        let (gates, values) = x[token * x_stride..][..2 * columns].split_at(columns);
        dispatch!(level(), simd => map2(simd, gates, values, &mut y[..columns], |gate, value| {
            gelu_tanh_of(simd, gate) * value
        }));
    });
}

/// Computes the same as the twin, in f32.
pub fn swiglu(
    num_tokens: usize,
    columns: usize,
    (x, x_stride): (&[f32], usize),
    (y, y_stride): (&mut [f32], usize),
) {
    rows(num_tokens, (y, y_stride), |token, y| {
        let (gates, values) = x[token * x_stride..][..2 * columns].split_at(columns);
        dispatch!(level(), simd => map2(simd, gates, values, &mut y[..columns], |gate, value| {
            gate * sigmoid(simd, gate) * value
        }));
    });
}

/// Computes the same as the twin, in f32.
pub fn softcap(num_tokens: usize, columns: usize, stride: usize, cap: f32, x: &mut [f32]) {
    for x in x.chunks_mut(stride).take(num_tokens) {
        x[..columns].par_chunks_mut(ELEMENTS_PER_TASK).for_each(|x| {
            dispatch!(level(), simd => cap_all(simd, cap, x));
        });
    }
}

/// `x = cap * tanh(x / cap)`
#[inline(always)]
pub(super) fn cap_all<S: Simd>(simd: S, cap: f32, x: &mut [f32]) {
    update(simd, x, |x| tanh(simd, x / cap) * cap);
}

/// `x / 2 * (1 + tanh(u)) = x * sigmoid(2u)`
#[inline(always)]
fn gelu_tanh_of<S: Simd>(simd: S, x: f32x16<S>) -> f32x16<S> {
    const SLOPE: f32 = 1.595_769_2; // 2 sqrt(2 / pi)
    let u = (x + x * x * x * 0.044_715) * SLOPE;
    x * sigmoid(simd, u)
}
