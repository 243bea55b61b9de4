//! The twin of `rms_norm`.

/// `y[t, c] = x[t, c] * weight[c] / sqrt(mean(x[t]^2) + eps)` for rows of `hidden_size`, `stride` apart.
pub fn rms_norm(
    num_tokens: usize,
    (hidden_size, stride): (usize, usize),
    eps: f32,
    weight: &[f32],
    x: &[f32],
    y: &mut [f32],
) {
    for token in 0..num_tokens {
        let x = &x[token * stride..][..hidden_size];
        let scale = rms_scale(x, eps);
        for ((y, &x), &weight) in y[token * stride..].iter_mut().zip(x).zip(weight) {
            *y = (f64::from(x) * scale * f64::from(weight)) as f32;
        }
    }
}

/// `1 / sqrt(mean(x^2) + eps)`
pub(super) fn rms_scale(x: &[f32], eps: f32) -> f64 {
    let squares: f64 = x.iter().map(|&value| f64::from(value).powi(2)).sum();
    1.0 / (squares / x.len() as f64 + f64::from(eps)).sqrt()
}
