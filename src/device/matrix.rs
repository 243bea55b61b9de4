//! Weight matrices on a device.

use super::{Buffer, Device};
use crate::error::Result;
use crate::format::Format;

/// Consecutive rows of a weight matrix. A part has as many rows as one binding holds.
#[derive(Debug, Clone)]
pub struct MatrixPart {
    /// The elements of the rows. Zeros pad each row.
    pub buffer: Buffer,
    /// The first row of the part.
    pub first_row: usize,
    /// The number of rows.
    pub num_rows: usize,
    /// The format of the elements.
    pub format: Format,
}

/// A weight matrix, `[rows, columns]`, in parts by rows. It has several parts if the device's bindings are too small
/// for all rows, or if rows have different formats.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The parts, from the first row to the last.
    pub parts: Vec<MatrixPart>,
    /// The number of rows: output features, or the tokens of the vocabulary.
    pub rows: usize,
    /// The number of columns: input features.
    pub columns: usize,
}

impl Matrix {
    /// Uploads rows of `words` ([`Format::words_per_row`] each) in parts that `device` can bind.
    ///
    /// # Errors
    /// If the device has no room for the matrix, or cannot bind even one row.
    ///
    /// # Panics
    /// If `words` is not `rows` rows long.
    pub fn upload(
        device: &Device,
        label: &str,
        words: &[u32],
        (rows, columns): (usize, usize),
        format: Format,
    ) -> Result<Self> {
        let rows_per_part = device.max_binding_words() / format.words_per_row(columns);
        Self::upload_in_parts(device, label, words, (rows, columns), format, rows_per_part)
    }

    /// Does the same as [`Matrix::upload`], in parts of at most `rows_per_part` rows. A part has at least one row.
    ///
    /// # Errors
    /// If the device has no room for the matrix, or cannot bind so many rows.
    ///
    /// # Panics
    /// If `words` is not `rows` rows long.
    pub fn upload_in_parts(
        device: &Device,
        label: &str,
        words: &[u32],
        (rows, columns): (usize, usize),
        format: Format,
        rows_per_part: usize,
    ) -> Result<Self> {
        let row_words = format.words_per_row(columns);
        assert_eq!(words.len(), rows * row_words, "{label}: words of [{rows}, {columns}]");
        let rows_per_part = rows_per_part.clamp(1, rows.max(1));
        let mut parts = Vec::with_capacity(rows.div_ceil(rows_per_part));
        for (index, chunk) in words.chunks(rows_per_part * row_words).enumerate() {
            parts.push(MatrixPart {
                buffer: device.upload(label, chunk)?,
                first_row: index * rows_per_part,
                num_rows: chunk.len() / row_words,
                format,
            });
        }
        Ok(Self { parts, rows, columns })
    }

    /// Makes a matrix of zeros in parts that `device` can bind. [`Matrix::write_rows`] fills it.
    ///
    /// # Errors
    /// The errors of [`Matrix::upload`].
    pub fn zeros(
        device: &Device,
        label: &str,
        (rows, columns): (usize, usize),
        format: Format,
    ) -> Result<Self> {
        let row_words = format.words_per_row(columns);
        let rows_per_part = (device.max_binding_words() / row_words.max(1)).clamp(1, rows.max(1));
        let mut parts = Vec::with_capacity(rows.div_ceil(rows_per_part));
        for first_row in (0..rows).step_by(rows_per_part) {
            let num_rows = rows_per_part.min(rows - first_row);
            let buffer = device.zeros(label, num_rows * row_words)?;
            parts.push(MatrixPart { buffer, first_row, num_rows, format });
        }
        Ok(Self { parts, rows, columns })
    }

    /// Uploads rows of `words` from `first_row` on.
    ///
    /// # Errors
    /// If the device is lost.
    ///
    /// # Panics
    /// If the matrix has no such rows, or if `words` is not a whole number of rows.
    pub fn write_rows(&self, device: &Device, first_row: usize, words: &[u32]) -> Result<()> {
        let mut row = first_row;
        let mut rest = words;
        for part in &self.parts {
            if rest.is_empty() || row >= part.first_row + part.num_rows {
                continue;
            }
            let row_words = part.format.words_per_row(self.columns);
            let at = row - part.first_row;
            let count = (part.num_rows - at).min(rest.len() / row_words);
            let (now, later) = rest.split_at(count * row_words);
            device.upload_part(&part.buffer, at * row_words, now)?;
            (row, rest) = (row + count, later);
        }
        assert!(rest.is_empty(), "rows past the end of a matrix, or part of a row");
        Ok(())
    }

    /// Puts one matrix above the other. All parts stay as they are.
    ///
    /// # Panics
    /// If the columns differ.
    pub fn stack(matrices: Vec<Self>) -> Self {
        let columns = matrices.first().map_or(0, |matrix| matrix.columns);
        let mut stacked = Self { parts: Vec::new(), rows: 0, columns };
        for matrix in matrices {
            assert_eq!(matrix.columns, columns, "columns of stacked matrices");
            for mut part in matrix.parts {
                part.first_row += stacked.rows;
                stacked.parts.push(part);
            }
            stacked.rows += matrix.rows;
        }
        stacked
    }

    /// Returns the formats of all parts of `matrices`, each once, in the order of the parts, such as `f16` or
    /// `q4_k+q6_k`.
    pub fn precision<'a>(matrices: impl Iterator<Item = &'a Self>) -> String {
        let mut names: Vec<&str> = Vec::new();
        for part in matrices.flat_map(|matrix| &matrix.parts) {
            if !names.contains(&part.format.name()) {
                names.push(part.format.name());
            }
        }
        names.join("+")
    }
}
