//! The twin of `zero_columns`.

use std::ops::Range;

/// `x[t, c] = 0` for `c` in `columns`. Rows are `stride` apart.
pub fn zero_columns(num_tokens: usize, columns: Range<usize>, stride: usize, x: &mut [f32]) {
    for token in 0..num_tokens {
        x[token * stride..][columns.clone()].fill(0.0);
    }
}
