//! The twin of `embedding`.

use super::weight::unpack;
use crate::format::{BLOCK, Format};

/// Rows of a table, or of a part of one.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// `[num_rows, stride]` in `format`.
    pub words: &'a [u32],
    /// The format of the elements.
    pub format: Format,
    /// The id of the first row.
    pub first_row: usize,
    /// The number of rows.
    pub num_rows: usize,
}

/// `y[t, c] = table[ids[t], c] * scale`, or `+=` with `accumulate`, for the ids whose rows are in this part.
pub fn embedding(
    ids: &[u32],
    table: Table<'_>,
    scale: f32,
    accumulate: bool,
    (hidden_size, stride): (usize, usize),
    y: &mut [f32],
) {
    let row_words = table.format.words_per_row(stride);
    for (token, &id) in ids.iter().enumerate() {
        let Some(row) = (id as usize).checked_sub(table.first_row).filter(|&row| row < table.num_rows) else {
            continue;
        };
        let words = &table.words[row * row_words..][..row_words];
        let y = &mut y[token * stride..][..hidden_size];
        let mut weights = [0.0; BLOCK];
        for (block, y) in y.chunks_mut(BLOCK).enumerate() {
            unpack(words, table.format, stride, block * BLOCK, &mut weights);
            for (y, weight) in y.iter_mut().zip(weights) {
                let value = weight * scale;
                *y = if accumulate { *y + value } else { value };
            }
        }
    }
}
