//! The twin of `qk_norm`.

use super::rms_norm::rms_scale;

/// Each query head and each key head of every row of `qkv`, `stride` apart, becomes its `rms_norm`, in place.
pub fn qk_norm(
    num_tokens: usize,
    (num_heads, num_kv_heads, head_dim): (usize, usize, usize),
    eps: f32,
    (q_weight, k_weight): (&[f32], &[f32]),
    (qkv, stride): (&mut [f32], usize),
) {
    for token in 0..num_tokens {
        for head in 0..num_heads + num_kv_heads {
            let weight = if head < num_heads { q_weight } else { k_weight };
            let x = &mut qkv[token * stride + head * head_dim..][..head_dim];
            let scale = rms_scale(x, eps);
            for (x, &weight) in x.iter_mut().zip(weight) {
                *x = (f64::from(*x) * scale * f64::from(weight)) as f32;
            }
        }
    }
}
