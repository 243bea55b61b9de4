//! The twin of `softcap`.

/// `x = cap * tanh(x / cap)` for rows of `columns`, `stride` apart.
pub fn softcap(num_tokens: usize, columns: usize, stride: usize, cap: f32, x: &mut [f32]) {
    for token in 0..num_tokens {
        for x in &mut x[token * stride..][..columns] {
            *x = softcap_of(f64::from(*x), f64::from(cap)) as f32;
        }
    }
}

pub(super) fn softcap_of(x: f64, cap: f64) -> f64 {
    cap * libm::tanh(x / cap)
}
