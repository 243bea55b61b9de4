//! The twin of `kv_write`.

/// `k_cache[cache_rows[t], c] = qkv[t, q_size + c]` and `v_cache[cache_rows[t], c] = qkv[t, q_size + kv_size + c]`.
pub fn kv_write(
    cache_rows: &[u32],
    (q_size, kv_size): (usize, usize),
    (qkv, qkv_stride): (&[f32], usize),
    (k_cache, v_cache, kv_stride): (&mut [f32], &mut [f32], usize),
) {
    for (token, &row) in cache_rows.iter().enumerate() {
        let k = token * qkv_stride + q_size;
        let cached = row as usize * kv_stride;
        k_cache[cached..cached + kv_size].copy_from_slice(&qkv[k..k + kv_size]);
        v_cache[cached..cached + kv_size].copy_from_slice(&qkv[k + kv_size..k + 2 * kv_size]);
    }
}
