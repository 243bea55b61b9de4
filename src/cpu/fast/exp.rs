//! The exponential, and functions that follow from it, of sixteen numbers at a time.

use fearless_simd::prelude::*;
use fearless_simd::{Simd, f32x16, u32x16};

/// Above this, `exp` is too large for f32. Below its negative, `exp` is almost 0.
const LIMIT: f32 = 88.0;

/// 1.5 * 2^23. Adding this to a number rounds it to a whole one, which the lowest bits of the sum hold.
const ROUNDER: f32 = 12_582_912.0;

/// ln 2 in two parts. The first part has so few bits that its products with exponents are exact.
const LN2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];

/// `e^x` with a relative error of at most 2e-7. Beyond ±88, the result is that at ±88. NaN stays NaN.
///
/// Source: `x = n ln 2 + r`, and the polynomial for `e^r` of the Cephes library (Moshier 1992, `expf`).
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: f32x16<S>) -> f32x16<S> {
    let splat = |value| f32x16::splat(simd, value);
    let x = x.simd_gt(splat(LIMIT)).select(splat(LIMIT), x);
    let x = x.simd_lt(splat(-LIMIT + 1.0)).select(splat(-LIMIT + 1.0), x);
    let rounded = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = rounded - ROUNDER;
    let r = x - n * LN2[0] - n * LN2[1];
    let mut sum = splat(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        sum = sum * r + coefficient;
    }
    let power = sum * (r * r) + r + 1.0;
    let exponent = (rounded.bitcast::<u32x16<S>>() << 23) + (127 << 23);
    power * exponent.bitcast::<f32x16<S>>()
}

/// `1 / (1 + e^-x)`
#[inline(always)]
pub(super) fn sigmoid<S: Simd>(simd: S, x: f32x16<S>) -> f32x16<S> {
    f32x16::splat(simd, 1.0) / (exp(simd, -x) + 1.0)
}

/// The error is at most 2e-7.
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: f32x16<S>) -> f32x16<S> {
    sigmoid(simd, x * 2.0) * 2.0 - 1.0
}

/// The error is at most 3e-7. Source: Abramowitz & Stegun 1964, 7.1.26, as in the shader.
#[inline(always)]
pub(super) fn erf<S: Simd>(simd: S, x: f32x16<S>) -> f32x16<S> {
    let magnitude = x.abs();
    let t = f32x16::splat(simd, 1.0) / (magnitude * 0.327_591_1 + 1.0);
    let mut sum = f32x16::splat(simd, 1.061_405_4);
    for coefficient in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        sum = sum * t + coefficient;
    }
    let value = f32x16::splat(simd, 1.0) - sum * t * exp(simd, -(magnitude * magnitude));
    value.copysign(x)
}
