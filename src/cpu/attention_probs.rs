//! The twin of `attention_probs`.

use super::attention::{Heads, probs};

/// `out[t, h, j] = softmax_j(scale * q[t, h] . k_cache[j, g])` for `j <= position + t`, 0 beyond, `columns` a row.
pub fn attention_probs(
    (position, num_tokens): (usize, usize),
    heads: Heads,
    (qkv, k_cache): (&[f32], &[f32]),
    columns: usize,
    out: &mut [f32],
) {
    for token in 0..num_tokens {
        for head in 0..heads.num_heads {
            let row = &mut out[(token * heads.num_heads + head) * columns..][..columns];
            row.fill(0.0);
            let weights = probs(position + token + 1, heads, &qkv[token * heads.qkv_stride..], head, k_cache);
            for (out, weight) in row.iter_mut().zip(weights) {
                *out = weight as f32;
            }
        }
    }
}
