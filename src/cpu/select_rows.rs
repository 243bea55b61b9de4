//! The twin of `select_rows`.

/// `y[t, c] = x[first_row + t, c]` for rows of `columns`, `stride` apart.
pub fn select_rows(
    num_tokens: usize,
    first_row: usize,
    columns: usize,
    stride: usize,
    x: &[f32],
    y: &mut [f32],
) {
    for token in 0..num_tokens {
        let from = (first_row + token) * stride;
        y[token * stride..][..columns].copy_from_slice(&x[from..from + columns]);
    }
}
