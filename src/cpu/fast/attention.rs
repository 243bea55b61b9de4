//! Causal attention over the KV cache.

use fearless_simd::prelude::*;
use fearless_simd::{Simd, dispatch, f32x16};
use rayon::prelude::*;

use super::activation::cap_all;
use super::exp::exp;
use super::lanes::{LANES, dot, level, sum, update};
use crate::cpu::{CacheRows, Heads, attention::first_seen};

/// The number of positions whose scores are computed before their values are added up.
const CHUNK: usize = 64;

/// The channels of keys that a task reads. A task takes some microseconds, which is long compared with starting it.
const CHANNELS_PER_TASK: usize = 1 << 14;

/// Computes the same as the twin, in f32, with a softmax that grows position by position.
///
/// Source: Milakov & Gimelshein 2018, arXiv:1805.02867.
pub fn attention(
    tokens: CacheRows<'_>,
    heads: Heads,
    (qkv, k_cache, v_cache): (&[f32], &[f32], &[f32]),
    (y, y_stride): (&mut [f32], usize),
) {
    let num_tokens = tokens.rows.len();
    let longest = (0..num_tokens).map(|token| tokens.place(token).1 + 1).max().unwrap_or(1);
    let channels = longest * heads.head_dim;
    // For each token: the number of its positions, its row, and its sequence in the caches.
    let seen = |token: usize| {
        let (first_row, position) = tokens.place(token);
        let first = first_row * heads.kv_stride;
        (position + 1, &qkv[token * heads.qkv_stride..], (&k_cache[first..], &v_cache[first..]))
    };
    let width = heads.num_heads * heads.head_dim;
    if num_tokens == 1 {
        let min_len = (CHANNELS_PER_TASK / channels).max(1);
        let (kv_len, row, caches) = seen(0);
        y[..width].par_chunks_mut(heads.head_dim).with_min_len(min_len).enumerate().for_each(|(head, y)| {
            dispatch!(level(), simd => attend(simd, kv_len, (heads, head), (row, caches), y));
        });
        return;
    }
    let min_len = (CHANNELS_PER_TASK / (channels * heads.num_heads)).max(1);
    y.par_chunks_mut(y_stride).with_min_len(min_len).take(num_tokens).enumerate().for_each(|(token, y)| {
        let (kv_len, row, caches) = seen(token);
        for (head, y) in y[..width].chunks_mut(heads.head_dim).enumerate() {
            dispatch!(level(), simd => attend(simd, kv_len, (heads, head), (row, caches), y));
        }
    });
}

/// Computes the same as the twin, in f32.
pub fn attention_probs(
    (position, num_tokens): (usize, usize),
    heads: Heads,
    (qkv, k_cache): (&[f32], &[f32]),
    columns: usize,
    out: &mut [f32],
) {
    let rows = num_tokens * heads.num_heads;
    out.par_chunks_mut(columns).take(rows).enumerate().for_each(|(row, out)| {
        let (token, head) = (row / heads.num_heads, row % heads.num_heads);
        let kv_len = position + token + 1;
        let first = first_seen(kv_len, heads.window);
        out.fill(0.0);
        dispatch!(level(), simd => {
            let qkv = &qkv[token * heads.qkv_stride..];
            softmax(simd, (heads, head), (qkv, k_cache), first, &mut out[first..kv_len])
        });
    });
}

/// The channels of the key or the value of a head at a position.
#[inline(always)]
fn cached(cache: &[f32], heads: Heads, head: usize, position: usize) -> &[f32] {
    let start = head / (heads.num_heads / heads.num_kv_heads) * heads.head_dim;
    &cache[position * heads.kv_stride + start..][..heads.head_dim]
}

/// Computes the scores of the positions from `first` on.
#[inline(always)]
fn scores<S: Simd>(
    simd: S,
    (heads, head): (Heads, usize),
    (qkv, k_cache): (&[f32], &[f32]),
    first: usize,
    scores: &mut [f32],
) {
    let q = &qkv[head * heads.head_dim..][..heads.head_dim];
    for (index, score) in scores.iter_mut().enumerate() {
        *score = dot(simd, q, cached(k_cache, heads, head, first + index)) * heads.scale;
    }
    if heads.softcap > 0.0 {
        cap_all(simd, heads.softcap, scores);
    }
}

#[inline(always)]
fn softmax<S: Simd>(
    simd: S,
    heads: (Heads, usize),
    inputs: (&[f32], &[f32]),
    first: usize,
    probs: &mut [f32],
) {
    scores(simd, heads, inputs, first, probs);
    let max = probs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    update(simd, probs, |score| exp(simd, score - max));
    let total = sum(simd, probs, |weight: f32x16<S>| weight);
    update(simd, probs, |weight| weight / total);
}

#[inline(always)]
fn attend<S: Simd>(
    simd: S,
    kv_len: usize,
    (heads, head): (Heads, usize),
    (qkv, (k_cache, v_cache)): (&[f32], (&[f32], &[f32])),
    y: &mut [f32],
) {
    y.fill(0.0);
    let (mut max, mut total) = (f32::NEG_INFINITY, 0.0);
    let mut first = first_seen(kv_len, heads.window);
    while first < kv_len {
        let mut weights = [0.0; CHUNK];
        let weights = &mut weights[..CHUNK.min(kv_len - first)];
        scores(simd, (heads, head), (qkv, k_cache), first, weights);
        let larger = weights.iter().copied().fold(max, f32::max);
        if larger > max {
            // The sums so far are relative to the old maximum. The first time, they are empty.
            let rescale = exp(simd, f32x16::splat(simd, max - larger))[0];
            total *= rescale;
            y.iter_mut().for_each(|y| *y *= rescale);
            max = larger;
        }
        update(simd, weights, |score| exp(simd, score - max));
        total += sum(simd, weights, |weight: f32x16<S>| weight);
        for (index, &weight) in weights.iter().enumerate() {
            add_scaled(simd, weight, cached(v_cache, heads, head, first + index), y);
        }
        first += CHUNK;
    }
    update(simd, y, |y| y / total);
}

/// `y += weight * x`
#[inline(always)]
fn add_scaled<S: Simd>(simd: S, weight: f32, x: &[f32], y: &mut [f32]) {
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks_mut::<LANES>());
    for (x, y) in x.iter().zip(y) {
        let sum = f32x16::load_array_ref(simd, y) + f32x16::load_array_ref(simd, x) * weight;
        sum.store_array(y);
    }
    for (x, y) in x_rest.iter().zip(y_rest) {
        *y += x * weight;
    }
}
