//! The twin of `attention_probs`.

use super::attention::{Heads, first_seen, probs};

/// `out[t, h, j] = softmax_j(scale * q[t, h] . k_cache[j, g])` over the positions to which token `t` attends, and 0
/// elsewhere. A row has `columns`.
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
            let kv_len = position + token + 1;
            let weights = probs(kv_len, heads, &qkv[token * heads.qkv_stride..], head, k_cache);
            for (out, weight) in row[first_seen(kv_len, heads.window)..].iter_mut().zip(weights) {
                *out = weight as f32;
            }
        }
    }
}
