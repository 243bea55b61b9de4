//! From a file's tensors to a device's: shapes checked, matrices turned to `[out_features, in_features]`, rows padded.

use rayon::prelude::*;

use super::weights::{Linear, NormWeights};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::tensor::{Format, Matrix, Tensor};
use crate::weights::{Dtype, Safetensors, TensorInfo};

/// Output rows that one task transposes: their elements lie side by side in the file.
const ROWS_PER_TASK: usize = 64;

/// Which way round a file stores a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// `[rows, columns]`
    AsIs,
    /// `[columns, rows]`, as GPT-2's Conv1D.
    Transposed,
}

/// What norms have in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NormKind {
    /// LayerNorm.
    WeightAndBias,
    /// RMSNorm.
    Weight,
    /// RMSNorm whose weight is stored less 1, as Gemma's.
    WeightLessOne,
}

/// Reads tensors one at a time and uploads them.
pub(super) struct Loader<'a> {
    device: &'a Device,
    file: &'a Safetensors,
    /// What this file puts before every name, such as `transformer.`.
    prefix: &'static str,
    norm_kind: NormKind,
    bytes: Vec<u8>,
    num_read: usize,
    progress: &'a mut dyn FnMut(usize, usize),
}

/// A size with the formula it comes from, for messages.
pub(super) type Size<'a> = (&'a str, usize);

impl<'a> Loader<'a> {
    /// `prefixes` are tried in turn before `probe`, a tensor that the family must have.
    pub(super) fn new(
        device: &'a Device,
        file: &'a Safetensors,
        (prefixes, probe): (&[&'static str], &str),
        norm_kind: NormKind,
        progress: &'a mut dyn FnMut(usize, usize),
    ) -> Self {
        let has_probe = |prefix: &&&'static str| file.info(&format!("{prefix}{probe}")).is_some();
        let prefix = prefixes.iter().find(has_probe).copied().unwrap_or("");
        Self { device, file, prefix, norm_kind, bytes: Vec::new(), num_read: 0, progress }
    }

    /// Whether the file has `name`, with or without its prefix.
    fn has(&self, name: &str) -> bool {
        self.file.info(name).is_some() || self.file.info(&format!("{}{name}", self.prefix)).is_some()
    }

    /// A matrix `[rows, columns]`, stored on the device as in the file.
    pub(super) fn matrix(
        &mut self,
        name: &str,
        rows: Size<'_>,
        columns: Size<'_>,
        layout: Layout,
    ) -> Result<Matrix> {
        self.stack(&[(name.to_owned(), rows)], columns, layout)
    }

    /// Matrices above each other; neighbours of one format become one.
    fn stack(&mut self, parts: &[(String, Size<'_>)], columns: Size<'_>, layout: Layout) -> Result<Matrix> {
        let mut done = Vec::new();
        let mut open: Option<(Vec<u32>, usize, Format)> = None;
        for (name, rows) in parts {
            let (words, format) = self.words(name, *rows, columns, layout)?;
            open = match open {
                Some((mut above, num_rows, above_format)) if above_format == format => {
                    above.extend_from_slice(&words);
                    Some((above, num_rows + rows.1, format))
                }
                above => {
                    done.extend(above);
                    Some((words, rows.1, format))
                }
            };
        }
        done.extend(open);
        let label = parts.first().map_or("", |(name, _)| name);
        let upload = |(words, num_rows, format): (Vec<u32>, usize, Format)| {
            Matrix::upload(self.device, label, &words, (num_rows, columns.1), format)
        };
        Ok(Matrix::stack(done.into_iter().map(upload).collect::<Result<_>>()?))
    }

    /// A matrix's rows as the device wants them.
    fn words(
        &mut self,
        name: &str,
        rows: Size<'_>,
        columns: Size<'_>,
        layout: Layout,
    ) -> Result<(Vec<u32>, Format)> {
        let expected = match layout {
            Layout::AsIs => [rows, columns],
            Layout::Transposed => [columns, rows],
        };
        let format = self.read(name, &expected)?;
        let words = match (format, layout) {
            (Format::F32, Layout::AsIs) => pad::<4>(&self.bytes, rows.1, columns.1),
            (_, Layout::AsIs) => pad::<2>(&self.bytes, rows.1, columns.1),
            (Format::F32, Layout::Transposed) => transpose::<4>(&self.bytes, rows.1, columns.1),
            (_, Layout::Transposed) => transpose::<2>(&self.bytes, rows.1, columns.1),
        };
        Ok((words, format))
    }

    /// A vector `[size]` as f32.
    fn values(&mut self, name: &str, size: Size<'_>) -> Result<Vec<f32>> {
        let format = self.read(name, &[size])?;
        let bytes = &self.bytes;
        Ok(match format {
            Format::F32 => {
                bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
            Format::F16 => {
                bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
            }
            Format::Bf16 => {
                bytes.chunks_exact(2).map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
            }
        })
    }

    /// A projection out of one or more that lie above each other: each `NAME.weight`, and with `bias` each `NAME.bias`.
    pub(super) fn linear(
        &mut self,
        names: &[(&str, Size<'_>)],
        columns: Size<'_>,
        layout: Layout,
        bias: bool,
    ) -> Result<Linear> {
        let parts: Vec<_> = names.iter().map(|(name, rows)| (format!("{name}.weight"), *rows)).collect();
        let weight = self.stack(&parts, columns, layout)?;
        if !bias {
            return Ok(Linear { weight, bias: None });
        }
        let mut values = Vec::with_capacity(weight.rows);
        for (name, rows) in names {
            values.extend(self.values(&format!("{name}.bias"), *rows)?);
        }
        let bias = Tensor::from_slice(self.device, "bias", &values, 1, values.len())?;
        Ok(Linear { weight, bias: Some(bias) })
    }

    /// The weight of a norm, and its bias where the family has one.
    pub(super) fn norm(&mut self, name: &str, size: Size<'_>) -> Result<NormWeights> {
        let weight = self.norm_weight(&format!("{name}.weight"), size)?;
        let bias = match self.norm_kind {
            NormKind::WeightAndBias => {
                let name = format!("{name}.bias");
                let values = self.values(&name, size)?;
                Some(Tensor::from_slice(self.device, &name, &values, 1, size.1)?)
            }
            NormKind::Weight | NormKind::WeightLessOne => None,
        };
        Ok(NormWeights { weight, bias })
    }

    /// The weight of a norm alone.
    pub(super) fn norm_weight(&mut self, name: &str, size: Size<'_>) -> Result<Tensor> {
        let mut values = self.values(name, size)?;
        if self.norm_kind == NormKind::WeightLessOne {
            values.iter_mut().for_each(|value| *value += 1.0);
        }
        Tensor::from_slice(self.device, name, &values, 1, size.1)
    }

    /// The head: `lm_head.weight`, or the embedding where the two are one.
    pub(super) fn head(
        &mut self,
        embedding: &Matrix,
        embedding_name: &str,
        tied: bool,
        vocab_size: Size<'_>,
        hidden_size: Size<'_>,
    ) -> Result<Matrix> {
        // Some files carry a head although the configuration ties it; what the file says is what was trained.
        let has_head = self.has("lm_head.weight");
        if tied && (!has_head || self.same("lm_head.weight", embedding_name)?) {
            return Ok(embedding.clone());
        }
        if !has_head {
            // Without the prefix that other names have.
            return Err(self.missing("lm_head.weight").detail(
                "config.json gives the head a matrix of its own: tie_word_embeddings is false, or missing",
            ));
        }
        self.matrix("lm_head.weight", vocab_size, hidden_size, Layout::AsIs)
    }

    /// Whether two tensors have the same bytes.
    fn same(&mut self, left: &str, right: &str) -> Result<bool> {
        let (left, right) = (self.full_name(left), self.full_name(right));
        if self.file.info(&left) != self.file.info(&right) {
            return Ok(false);
        }
        let mut other = Vec::new();
        self.file.read(&left, &mut self.bytes)?;
        self.file.read(&right, &mut other)?;
        Ok(self.bytes == other)
    }

    fn full_name(&self, name: &str) -> String {
        let prefixed = format!("{}{name}", self.prefix);
        if self.file.info(&prefixed).is_none() && self.file.info(name).is_some() {
            name.to_owned()
        } else {
            prefixed
        }
    }

    /// Reads a tensor's bytes after its shape and type have been checked.
    fn read(&mut self, name: &str, expected: &[Size<'_>]) -> Result<Format> {
        let name = self.full_name(name);
        let file = self.file;
        let info = file.info(&name).ok_or_else(|| self.missing(&name))?;
        let sizes: Vec<usize> = expected.iter().map(|(_, size)| *size).collect();
        if info.shape != sizes {
            return Err(self.wrong_shape(&name, info, expected));
        }
        let format = match info.dtype {
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            Dtype::Bf16 => Format::Bf16,
            other => {
                return Err(Error::input(format!("cannot load {name} from {}", file.file_of(&name)))
                    .detail(format!("found type {other}, expected F32, F16 or BF16")));
            }
        };
        file.read(&name, &mut self.bytes)?;
        self.num_read += 1;
        (self.progress)(self.num_read, file.names().count());
        Ok(format)
    }

    fn missing(&self, name: &str) -> Error {
        Error::input(format!("cannot load {name}: the weights have no such tensor"))
            .detail(format!("found {} tensors in {}", self.file.names().count(), self.file.file_of(name)))
            .hint("do config.json and the weights belong to one model?")
    }

    fn wrong_shape(&self, name: &str, info: &TensorInfo, expected: &[Size<'_>]) -> Error {
        let formula: Vec<&str> = expected.iter().map(|(formula, _)| *formula).collect();
        let sizes: Vec<usize> = expected.iter().map(|(_, size)| *size).collect();
        Error::input(format!("cannot load {name} from {}", self.file.file_of(name)))
            .detail(format!("found shape {:?}, expected [{}] = {sizes:?}", info.shape, formula.join(", ")))
            .hint("do config.json and the weights belong to one model?")
    }
}

/// Rows of `[rows, columns]` elements of `BYTES` bytes, padded with zeros.
fn pad<const BYTES: usize>(bytes: &[u8], rows: usize, columns: usize) -> Vec<u32> {
    let row_bytes = crate::tensor::row_stride(columns) * BYTES;
    let mut words = vec![0_u32; rows * row_bytes / 4];
    let padded: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    for (to, from) in padded.chunks_exact_mut(row_bytes).zip(bytes.chunks_exact(columns * BYTES)) {
        to[..from.len()].copy_from_slice(from);
    }
    words
}

/// As [`pad`], from a file that has `[columns, rows]`.
fn transpose<const BYTES: usize>(bytes: &[u8], rows: usize, columns: usize) -> Vec<u32> {
    let row_bytes = crate::tensor::row_stride(columns) * BYTES;
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
    use super::{pad, transpose};

    #[test]
    fn rows_are_padded_and_transposed() {
        // [2, 3] of u16 elements 1..=6, and the same matrix stored as [3, 2].
        let as_is: Vec<u8> = [1_u16, 2, 3, 4, 5, 6].iter().flat_map(|value| value.to_le_bytes()).collect();
        let transposed: Vec<u8> =
            [1_u16, 4, 2, 5, 3, 6].iter().flat_map(|value| value.to_le_bytes()).collect();
        let words = pad::<2>(&as_is, 2, 3);
        assert_eq!(
            bytemuck::cast_slice::<u32, u16>(&words),
            [1, 2, 3, 0, 0, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0]
        );
        assert_eq!(transpose::<2>(&transposed, 2, 3), words);
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
                assert_eq!(f32::from_bits(words[row * 8 + column]), value(row, column));
            }
        }
    }
}
