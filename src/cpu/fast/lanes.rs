//! Sixteen numbers at a time, with the vectors that the CPU has.
//!
//! Every sum has sixteen lanes, and products are rounded before they are added. This holds for vectors of any width, so
//! all CPUs compute the same bits.

use std::sync::LazyLock;

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, f32x16};

/// The count of numbers that are computed at a time.
pub(super) const LANES: usize = 16;

/// The level of the widest vectors of this CPU.
pub(super) fn level() -> Level {
    static LEVEL: LazyLock<Level> = LazyLock::new(Level::new);
    *LEVEL
}

/// The sum of `f` over chunks of `LANES` numbers. Zeros fill up the last chunk.
#[inline(always)]
pub(super) fn sum<S: Simd>(simd: S, x: &[f32], f: impl Fn(f32x16<S>) -> f32x16<S>) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut sums = f32x16::splat(simd, 0.0);
    for chunk in chunks {
        sums += f(f32x16::load_array_ref(simd, chunk));
    }
    if rest.is_empty() {
        return sums.reduce_sum();
    }
    let mut lanes = [0.0; LANES];
    f(padded(simd, rest)).store_array(&mut lanes);
    lanes[rest.len()..].fill(0.0);
    (sums + f32x16::load_array(simd, lanes)).reduce_sum()
}

/// `x . y`, where `y` may be longer.
#[inline(always)]
pub(super) fn dot<S: Simd>(simd: S, x: &[f32], y: &[f32]) -> f32 {
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y[..x.len()].as_chunks::<LANES>());
    let mut sums = f32x16::splat(simd, 0.0);
    for (x, y) in x.iter().zip(y) {
        sums += f32x16::load_array_ref(simd, x) * f32x16::load_array_ref(simd, y);
    }
    if !x_rest.is_empty() {
        sums += padded(simd, x_rest) * padded(simd, y_rest);
    }
    sums.reduce_sum()
}

/// Up to `LANES` numbers, then zeros.
#[inline(always)]
pub(super) fn padded<S: Simd>(simd: S, x: &[f32]) -> f32x16<S> {
    let mut lanes = [0.0; LANES];
    for (lane, &x) in lanes.iter_mut().zip(x) {
        *lane = x;
    }
    f32x16::load_array(simd, lanes)
}

/// `y = f(x)`, element by element of `y`.
#[inline(always)]
pub(super) fn map<S: Simd>(simd: S, x: &[f32], y: &mut [f32], f: impl Fn(f32x16<S>) -> f32x16<S>) {
    map2(simd, x, x, y, |x, _| f(x));
}

/// `y = f(a, b)`, element by element of `y`.
#[inline(always)]
pub(super) fn map2<S: Simd>(
    simd: S,
    a: &[f32],
    b: &[f32],
    y: &mut [f32],
    f: impl Fn(f32x16<S>, f32x16<S>) -> f32x16<S>,
) {
    let ((a, a_rest), (b, b_rest)) = (a[..y.len()].as_chunks::<LANES>(), b[..y.len()].as_chunks::<LANES>());
    let (y, y_rest) = y.as_chunks_mut::<LANES>();
    for ((a, b), y) in a.iter().zip(b).zip(y) {
        f(f32x16::load_array_ref(simd, a), f32x16::load_array_ref(simd, b)).store_array(y);
    }
    if !y_rest.is_empty() {
        let lanes = f(padded(simd, a_rest), padded(simd, b_rest)).to_array();
        for (y, lane) in y_rest.iter_mut().zip(lanes) {
            *y = lane;
        }
    }
}

/// `x = f(x)`, element by element.
#[inline(always)]
pub(super) fn update<S: Simd>(simd: S, x: &mut [f32], f: impl Fn(f32x16<S>) -> f32x16<S>) {
    let (chunks, rest) = x.as_chunks_mut::<LANES>();
    for chunk in chunks {
        f(f32x16::load_array_ref(simd, chunk)).store_array(chunk);
    }
    if !rest.is_empty() {
        let lanes = f(padded(simd, rest)).to_array();
        for (x, lane) in rest.iter_mut().zip(lanes) {
            *x = lane;
        }
    }
}
