//! The twin of `probe_f32`.

use rayon::prelude::*;

/// The number of chains of a thread.
const CHAINS: usize = 32;

/// `y[i]` becomes the sum of 32 values that go `rounds` times through `v = -0.5 v + s`. `s` is `x[i mod len] + (0, 1,
/// 2, 3)` in turn, and value `k` starts as `x[i mod len] + k`.
pub fn probe_f32(rounds: usize, x: &[f32], y: &mut [f32]) {
    y.par_iter_mut().enumerate().for_each(|(thread, y)| *y = chains(rounds, x[thread % x.len()]));
}

/// The function is inlined, so that it can be compiled for vectors that not every CPU has.
#[inline(always)]
pub(super) fn chains(rounds: usize, x: f32) -> f32 {
    let mut values: [f32; CHAINS] = std::array::from_fn(|chain| x + chain as f32);
    let starts: [f32; CHAINS] = std::array::from_fn(|chain| x + (chain % 4) as f32);
    for _ in 0..rounds {
        for (value, start) in values.iter_mut().zip(&starts) {
            *value = *value * -0.5 + start;
        }
    }
    values.iter().sum()
}
