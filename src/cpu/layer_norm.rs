//! The twin of `layer_norm`.

/// `y[t, c] = (x[t, c] - mean) / sqrt(variance + eps) * weight[c] + bias[c]`, rows `stride` apart.
pub fn layer_norm(
    num_tokens: usize,
    stride: usize,
    eps: f32,
    (weight, bias): (&[f32], &[f32]),
    x: &[f32],
    y: &mut [f32],
    hidden_size: usize,
) {
    for token in 0..num_tokens {
        let x = &x[token * stride..][..hidden_size];
        let size = hidden_size as f64;
        let mean = x.iter().map(|&value| f64::from(value)).sum::<f64>() / size;
        let variance = x.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / size;
        let scale = 1.0 / (variance + f64::from(eps)).sqrt();
        for (channel, y) in y[token * stride..][..hidden_size].iter_mut().enumerate() {
            let normed = (f64::from(x[channel]) - mean) * scale;
            *y = (normed * f64::from(weight[channel]) + f64::from(bias[channel])) as f32;
        }
    }
}
