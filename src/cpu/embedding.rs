//! The twin of `embedding`.

use super::element;
use crate::tensor::Format;

/// Rows of a table, or of a part of one.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// `[num_rows, stride]` in `format`.
    pub words: &'a [u32],
    /// How elements are stored.
    pub format: Format,
    /// The id of the first row.
    pub first_row: usize,
    /// How many rows are there.
    pub num_rows: usize,
}

/// `y[t, c] = table[ids[t], c] * scale`, or `+=` with `accumulate`, for the ids whose rows are there.
pub fn embedding(
    ids: &[u32],
    table: Table<'_>,
    scale: f32,
    accumulate: bool,
    (hidden_size, stride): (usize, usize),
    y: &mut [f32],
) {
    for (token, &id) in ids.iter().enumerate() {
        let Some(row) = (id as usize).checked_sub(table.first_row).filter(|&row| row < table.num_rows) else {
            continue;
        };
        for (channel, y) in y[token * stride..][..hidden_size].iter_mut().enumerate() {
            let value = element(table.words, table.format, row * stride + channel) * scale;
            *y = if accumulate { *y + value } else { value };
        }
    }
}
