//! The twin of `attention_merge`, and of `attention` over several splits of positions.

use std::ops::Range;

use super::attention::{Heads, first_seen, scores};

/// The splits of positions.
#[derive(Debug, Clone, Copy)]
pub struct Splits {
    /// The number of positions of a split. A split starts at a multiple of it.
    pub split_len: usize,
    /// The most splits of a token. With 1, there are no splits, whatever `split_len` is.
    pub max_splits: usize,
}

impl Splits {
    /// The positions of each split to which the last of `kv_len` positions attends.
    pub fn positions(self, kv_len: usize, window: usize) -> impl Iterator<Item = Range<usize>> {
        let first = first_seen(kv_len, window);
        let split_len = if self.max_splits == 1 { kv_len } else { self.split_len };
        let splits = first / split_len..kv_len.div_ceil(split_len);
        splits.map(move |split| (split * split_len).max(first)..((split + 1) * split_len).min(kv_len))
    }
}

/// Returns `[num_heads, max_splits, head_dim + 2]`. For each head and split, these are the sums of values with the
/// weights `exp(score - max)`, then `max` and the sum of the weights. They are for one token at `position` of the first
/// sequence in the caches.
pub fn attention_partials(
    position: usize,
    heads: Heads,
    splits: Splits,
    (qkv, k_cache, v_cache): (&[f32], &[f32], &[f32]),
    partials: &mut [f32],
) {
    let stride = heads.head_dim + 2;
    for head in 0..heads.num_heads {
        let kv_start = head / (heads.num_heads / heads.num_kv_heads) * heads.head_dim;
        let of_head = partials[head * splits.max_splits * stride..].chunks_exact_mut(stride);
        for (positions, partial) in splits.positions(position + 1, heads.window).zip(of_head) {
            let scores = scores(positions.clone(), heads, qkv, head, k_cache);
            let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
            for (channel, sum) in partial[..heads.head_dim].iter_mut().enumerate() {
                let values =
                    positions.clone().map(|j| f64::from(v_cache[j * heads.kv_stride + kv_start + channel]));
                *sum = weights.iter().zip(values).map(|(weight, value)| weight * value).sum::<f64>() as f32;
            }
            partial[heads.head_dim] = max as f32;
            partial[heads.head_dim + 1] = weights.iter().sum::<f64>() as f32;
        }
    }
}

/// Merges the splits of each head from [`attention_partials`] into one row, `[num_heads * head_dim]`. Does nothing if
/// there is one split.
pub fn attention_merge(
    position: usize,
    (num_heads, head_dim, window): (usize, usize, usize),
    splits: Splits,
    partials: &[f32],
    y: &mut [f32],
) {
    let num_splits = splits.positions(position + 1, window).count();
    if num_splits == 1 {
        return;
    }
    let stride = head_dim + 2;
    for (head, y) in y.chunks_exact_mut(head_dim).take(num_heads).enumerate() {
        let of_head = &partials[head * splits.max_splits * stride..][..num_splits * stride];
        let of_splits = || of_head.chunks_exact(stride);
        let max = of_splits().map(|split| f64::from(split[head_dim])).fold(f64::NEG_INFINITY, f64::max);
        let rescale = |split: &[f32]| (f64::from(split[head_dim]) - max).exp();
        let sum: f64 = of_splits().map(|split| rescale(split) * f64::from(split[head_dim + 1])).sum();
        for (channel, y) in y.iter_mut().enumerate() {
            let value: f64 = of_splits().map(|split| rescale(split) * f64::from(split[channel])).sum();
            *y = (value / sum) as f32;
        }
    }
}
