//! The twin of `kv_write`.

/// `k_cache[position + t, c] = qkv[t, q_size + c]` and `v_cache[position + t, c] = qkv[t, q_size + kv_size + c]`.
pub fn kv_write(
    (position, num_tokens): (usize, usize),
    (q_size, kv_size): (usize, usize),
    (qkv, qkv_stride): (&[f32], usize),
    (k_cache, v_cache, kv_stride): (&mut [f32], &mut [f32], usize),
) {
    for token in 0..num_tokens {
        let k = token * qkv_stride + q_size;
        let cached = (position + token) * kv_stride;
        k_cache[cached..cached + kv_size].copy_from_slice(&qkv[k..k + kv_size]);
        v_cache[cached..cached + kv_size].copy_from_slice(&qkv[k + kv_size..k + 2 * kv_size]);
    }
}
