//! Arranges the rows of a matrix for the device. They are padded or transposed, or get Hugging Face's order.

use rayon::prelude::*;

use crate::format::row_stride;

/// The output rows that one task transposes. Their elements are side by side in the file.
const ROWS_PER_TASK: usize = 64;

/// Sorts the rows of each head, which alternate between its two halves, so that one half comes after the other.
pub(super) fn separate_halves<T: Copy>(rows: &mut [T], row_length: usize, head_dim: usize) {
    let mut sorted = Vec::with_capacity(head_dim * row_length);
    for head in rows.chunks_exact_mut(head_dim * row_length) {
        sorted.clear();
        for half in 0..2 {
            for row in head.chunks_exact(row_length).skip(half).step_by(2) {
                sorted.extend_from_slice(row);
            }
        }
        head.copy_from_slice(&sorted);
    }
}

/// Pads rows of `[rows, columns]` elements of `BYTES` bytes with zeros.
pub(super) fn pad<const BYTES: usize>(bytes: &[u8], rows: usize, columns: usize, words: &mut Vec<u32>) {
    let row_bytes = row_stride(columns) * BYTES;
    words.clear();
    words.resize(rows * row_bytes / 4, 0);
    let padded: &mut [u8] = bytemuck::cast_slice_mut(words);
    for (to, from) in padded.chunks_exact_mut(row_bytes).zip(bytes.chunks_exact(columns * BYTES)) {
        to[..from.len()].copy_from_slice(from);
    }
}

/// Pads rows as [`pad`] does, from a file with `[columns, rows]`.
pub(super) fn transpose<const BYTES: usize>(bytes: &[u8], rows: usize, columns: usize) -> Vec<u32> {
    let row_bytes = row_stride(columns) * BYTES;
    let mut words = vec![0_u32; rows * row_bytes / 4];
    let padded: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    padded.par_chunks_mut(row_bytes * ROWS_PER_TASK).enumerate().for_each(|(task, chunk)| {
        let first_row = task * ROWS_PER_TASK;
        for (column, from) in bytes.chunks_exact(rows * BYTES).enumerate() {
            for (index, to) in chunk.chunks_exact_mut(row_bytes).enumerate() {
                let element = &from[(first_row + index) * BYTES..][..BYTES];
                to[column * BYTES..][..BYTES].copy_from_slice(element);
            }
        }
    });
    words
}

#[cfg(test)]
mod tests {
    use super::{pad, separate_halves, transpose};

    #[test]
    fn rows_are_padded_and_transposed() {
        // The u16 elements 1..=6 as [2, 3], and the same matrix stored as [3, 2].
        let as_is: Vec<u8> = [1_u16, 2, 3, 4, 5, 6].iter().flat_map(|value| value.to_le_bytes()).collect();
        let transposed: Vec<u8> =
            [1_u16, 4, 2, 5, 3, 6].iter().flat_map(|value| value.to_le_bytes()).collect();
        let mut words = Vec::new();
        pad::<2>(&as_is, 2, 3, &mut words);
        let mut want = [0; 64];
        want[..3].copy_from_slice(&[1, 2, 3]);
        want[32..35].copy_from_slice(&[4, 5, 6]);
        assert_eq!(bytemuck::cast_slice::<u32, u16>(&words), want);
        assert_eq!(transpose::<2>(&transposed, 2, 3), words);
    }

    #[test]
    fn halves_of_heads_are_separated() {
        // Two heads have four rows of two elements each.
        let mut rows = [0, 0, 2, 2, 1, 1, 3, 3, 4, 4, 6, 6, 5, 5, 7, 7];
        separate_halves(&mut rows, 2, 4);
        assert_eq!(rows, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
    }

    #[test]
    fn transposing_covers_every_task() {
        let (rows, columns) = (super::ROWS_PER_TASK * 2 + 3, 5);
        let value = |row: usize, column: usize| (row * 100 + column) as f32;
        let stored: Vec<u8> = (0..columns)
            .flat_map(|column| (0..rows).map(move |row| value(row, column)))
            .flat_map(f32::to_le_bytes)
            .collect();
        let words = transpose::<4>(&stored, rows, columns);
        for row in 0..rows {
            for column in 0..columns {
                assert_eq!(f32::from_bits(words[row * 32 + column]), value(row, column));
            }
        }
    }
}
