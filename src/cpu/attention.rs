//! The twin of `attention`.

use std::ops::Range;

use rayon::prelude::*;

use super::softcap::softcap_of;

/// The layout of heads in rows, and the parameters of attention.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// The number of query heads.
    pub num_heads: usize,
    /// The number of key and value heads. `num_heads / num_kv_heads` query heads share one of each.
    pub num_kv_heads: usize,
    /// The number of channels of a head.
    pub head_dim: usize,
    /// The elements from one row of `qkv` to the next. Queries come first in a row.
    pub qkv_stride: usize,
    /// The elements from one row of a cache to the next.
    pub kv_stride: usize,
    /// The factor of scores.
    pub scale: f32,
    /// The number of positions to which a token attends, with its own. 0 stands for all.
    pub window: usize,
    /// The softmax gets `softcap * tanh(score / softcap)`. 0 stands for no cap.
    pub softcap: f32,
}

/// The places of the tokens of a pass in caches that several sequences share.
#[derive(Debug, Clone, Copy)]
pub struct CacheRows<'a> {
    /// The row of each token: the index of its sequence times `max_seq_len`, plus its position.
    pub rows: &'a [u32],
    /// The number of rows of a sequence.
    pub max_seq_len: usize,
}

impl CacheRows<'_> {
    /// The first row of a token's sequence, and the token's position there.
    pub fn place(self, token: usize) -> (usize, usize) {
        let row = self.rows[token] as usize;
        let position = row % self.max_seq_len;
        (row - position, position)
    }

    /// The places of this token alone.
    pub fn one(self, token: usize) -> Self {
        Self { rows: &self.rows[token..=token], ..self }
    }
}

/// The first of `kv_len` positions to which the last of them attends.
pub(super) fn first_seen(kv_len: usize, window: usize) -> usize {
    if window == 0 { 0 } else { kv_len.saturating_sub(window) }
}

/// The scores of one query head before the softmax, in f64.
pub(super) fn scores(
    positions: Range<usize>,
    heads: Heads,
    qkv: &[f32],
    head: usize,
    k_cache: &[f32],
) -> Vec<f64> {
    let q = &qkv[head * heads.head_dim..][..heads.head_dim];
    let kv_start = head / (heads.num_heads / heads.num_kv_heads) * heads.head_dim;
    positions
        .map(|position| {
            let k = &k_cache[position * heads.kv_stride + kv_start..][..heads.head_dim];
            let product: f64 = q.iter().zip(k).map(|(&q, &k)| f64::from(q) * f64::from(k)).sum();
            let score = product * f64::from(heads.scale);
            if heads.softcap > 0.0 { softcap_of(score, f64::from(heads.softcap)) } else { score }
        })
        .collect()
}

/// The attention of one query head over its positions from [`first_seen`] to `kv_len`, in f64.
pub(super) fn probs(kv_len: usize, heads: Heads, qkv: &[f32], head: usize, k_cache: &[f32]) -> Vec<f64> {
    let mut weights = scores(first_seen(kv_len, heads.window)..kv_len, heads, qkv, head, k_cache);
    let max = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for weight in &mut weights {
        *weight = (*weight - max).exp();
        sum += *weight;
    }
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

/// `y[t, h] = sum_j softmax_j(scale * q[t, h] . k_cache[j, g]) * v_cache[j, g]` over the rows of its sequence to which
/// token `t` attends. Rows of `y` are `y_stride` apart.
pub fn attention(
    tokens: CacheRows<'_>,
    heads: Heads,
    (qkv, k_cache, v_cache): (&[f32], &[f32], &[f32]),
    (y, y_stride): (&mut [f32], usize),
) {
    for token in 0..tokens.rows.len() {
        let (first_row, position) = tokens.place(token);
        let k_cache = &k_cache[first_row * heads.kv_stride..];
        let v_cache = &v_cache[first_row * heads.kv_stride..];
        let qkv = &qkv[token * heads.qkv_stride..];
        let y = &mut y[token * y_stride..][..heads.num_heads * heads.head_dim];
        y.par_chunks_mut(heads.head_dim).enumerate().for_each(|(head, y)| {
            let kv_len = position + 1;
            let weights = probs(kv_len, heads, qkv, head, k_cache);
            let first = first_seen(kv_len, heads.window);
            let kv_start = head / (heads.num_heads / heads.num_kv_heads) * heads.head_dim;
            for (channel, y) in y.iter_mut().enumerate() {
                let values =
                    (first..kv_len).map(|j| f64::from(v_cache[j * heads.kv_stride + kv_start + channel]));
                *y = weights.iter().zip(values).map(|(weight, value)| weight * value).sum::<f64>() as f32;
            }
        });
    }
}
