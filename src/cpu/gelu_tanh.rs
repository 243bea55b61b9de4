//! The twin of `gelu_tanh`.

/// `y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))` for rows of `columns`, `stride` apart.
pub fn gelu_tanh(num_tokens: usize, columns: usize, stride: usize, x: &[f32], y: &mut [f32]) {
    for token in 0..num_tokens {
        let start = token * stride;
        for (y, &x) in y[start..start + columns].iter_mut().zip(&x[start..]) {
            *y = gelu_tanh_of(f64::from(x)) as f32;
        }
    }
}

pub(super) fn gelu_tanh_of(x: f64) -> f64 {
    0.5 * x * (1.0 + libm::tanh((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)))
}
