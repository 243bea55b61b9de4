//! The twin of `add`.

/// `x[t, c] += y[t, c]` for rows of `columns`, `stride` apart.
pub fn add(num_tokens: usize, columns: usize, stride: usize, y: &[f32], x: &mut [f32]) {
    for token in 0..num_tokens {
        let start = token * stride;
        for (x, y) in x[start..start + columns].iter_mut().zip(&y[start..]) {
            *x += y;
        }
    }
}
