//! Rotates queries and keys by their position.

/// Computes the same as the twin, in f32.
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
            for ((low, high), (cosine, sine)) in low.iter_mut().zip(high).zip(cosines.iter().zip(sines)) {
                (*low, *high) = (*low * cosine - *high * sine, *high * cosine + *low * sine);
            }
        }
    }
}
