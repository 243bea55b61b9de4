//! The twin of `add_norm`, and with a product before it, of `gemv_residual`.

use super::rms_norm::rms_scale;

/// `z[t] = x[t] + rms_norm(update[t]) * post_weight`, `y[t] = rms_norm(z[t]) * weight`, rows of `hidden_size`, `stride` apart.
pub fn add_norm(
    num_tokens: usize,
    (hidden_size, stride): (usize, usize),
    eps: f32,
    (post_weight, weight): (&[f32], &[f32]),
    (x, update): (&[f32], &[f32]),
    (z, y): (&mut [f32], &mut [f32]),
) {
    for token in 0..num_tokens {
        let start = token * stride;
        let update = &update[start..][..hidden_size];
        let z = &mut z[start..][..hidden_size];
        let scale = rms_scale(update, eps);
        for (channel, z) in z.iter_mut().enumerate() {
            let added = f64::from(update[channel]) * scale * f64::from(post_weight[channel]);
            *z = (f64::from(x[start + channel]) + added) as f32;
        }
        let scale = rms_scale(z, eps);
        for (channel, y) in y[start..][..hidden_size].iter_mut().enumerate() {
            *y = (f64::from(z[channel]) * scale * f64::from(weight[channel])) as f32;
        }
    }
}
