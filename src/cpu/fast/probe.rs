//! The probes of the CPU's speed. They are the twins, compiled for the CPU's vectors.

use fearless_simd::dispatch;
use rayon::prelude::*;

use super::lanes::level;
use crate::cpu::{probe_f32::chains, probe_read::read};

/// Computes the same as the twin.
pub fn probe_f32(rounds: usize, x: &[f32], y: &mut [f32]) {
    y.par_iter_mut().enumerate().for_each(|(thread, y)| {
        dispatch!(level(), _simd => *y = chains(rounds, x[thread % x.len()]));
    });
}

/// Computes the same as the twin.
pub fn probe_read(in_turns: bool, x: &[u32], y: &mut [f32]) {
    let num_threads = y.len();
    y.par_iter_mut().enumerate().for_each(|(thread, y)| {
        dispatch!(level(), _simd => *y = read(in_turns, x, (thread, num_threads)));
    });
}
