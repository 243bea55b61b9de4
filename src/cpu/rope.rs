//! The twin of `rope`.

/// Rotates channels `i` and `i + head_dim / 2` of the first `num_heads` heads of every row of `qkv` by the row's `i`-th
/// angle. Rows of `qkv` are `stride` apart. Rows of `angles`, `angles_stride` apart, hold `head_dim / 2` cosines, then
/// as many sines.
pub fn rope(
    num_tokens: usize,
    (num_heads, head_dim): (usize, usize),
    (angles, angles_stride): (&[f32], usize),
    (qkv, stride): (&mut [f32], usize),
) {
    let half = head_dim / 2;
    for token in 0..num_tokens {
        let (cosines, sines) = angles[token * angles_stride..][..head_dim].split_at(half);
        for head in 0..num_heads {
            let (low, high) = qkv[token * stride + head * head_dim..][..head_dim].split_at_mut(half);
            for i in 0..half {
                let (a, b) = (f64::from(low[i]), f64::from(high[i]));
                let (cosine, sine) = (f64::from(cosines[i]), f64::from(sines[i]));
                low[i] = (a * cosine - b * sine) as f32;
                high[i] = (b * cosine + a * sine) as f32;
            }
        }
    }
}
