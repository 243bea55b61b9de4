//! The twin of `gelu_erf`.

/// `y = x / 2 * (1 + erf(x / sqrt(2)))` for rows of `columns`, `stride` apart.
pub fn gelu_erf(num_tokens: usize, columns: usize, stride: usize, x: &[f32], y: &mut [f32]) {
    for token in 0..num_tokens {
        let start = token * stride;
        for (y, &x) in y[start..start + columns].iter_mut().zip(&x[start..]) {
            *y = gelu_erf_of(f64::from(x)) as f32;
        }
    }
}

pub(super) fn gelu_erf_of(x: f64) -> f64 {
    0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))
}
