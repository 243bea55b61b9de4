//! Loads the tensors of a file onto a device. It checks their shapes, and reads matrices `[out_features, in_features]`
//! part by part.

use std::collections::HashSet;

use super::fields::NoBiases;
use super::rows::{pad, separate_halves, transpose};
use super::weights::{Linear, NormWeights};
use crate::device::{Device, Matrix, Tensor};
use crate::error::{Error, Result};
use crate::format::{Format, repack};
use crate::weights::{Dtype, HEAD, Layout, Name, Naming, NormKind, ROPE_FREQS, TensorInfo, Weights, excerpt};

/// The bytes of a large matrix that are read at a time.
const PART_BYTES: usize = 8 << 20;

/// The most names of tensors in a message.
const MAX_SHOWN: usize = 5;

/// The files to load.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    pub weights: &'a Weights,
    pub no_biases: NoBiases,
    /// Whether an unused tensor gives a warning instead of an error.
    pub allow_unused_tensors: bool,
}

/// Reads tensors one at a time and uploads them.
pub(super) struct Loader<'a> {
    device: &'a Device,
    file: &'a Weights,
    no_biases: NoBiases,
    allow_unused: bool,
    /// The full names of the tensors that the model uses.
    taken: HashSet<String>,
    /// The prefix of every name in this file, such as `transformer.`.
    prefix: &'static str,
    naming: &'static Naming,
    norm_kind: NormKind,
    head_dim: usize,
    bytes: Vec<u8>,
    words: Vec<u32>,
    num_tensors: usize,
    num_read: usize,
    progress: &'a mut dyn FnMut(usize, usize),
}

/// A size and its formula for messages.
pub(super) type Size<'a> = (&'a str, usize);

impl<'a> Loader<'a> {
    /// Makes a loader. The file's prefix is the one before the name of the embedding.
    pub(super) fn new(
        device: &'a Device,
        Files { weights: file, no_biases, allow_unused_tensors }: Files<'a>,
        head_dim: usize,
        naming: &'static Naming,
        progress: &'a mut dyn FnMut(usize, usize),
    ) -> Self {
        let embedding = weight(naming.embedding.file);
        let has_embedding = |prefix: &&&'static str| file.info(&format!("{prefix}{embedding}")).is_some();
        let prefix = naming.prefixes.iter().find(has_embedding).copied().unwrap_or("");
        let norm_kind = match (file, naming.norms) {
            (Weights::Safetensors(_), norms) => norms,
            (_, NormKind::WeightLessOne) => NormKind::Weight,
            (_, norms) => norms,
        };
        Self {
            device,
            file,
            no_biases,
            allow_unused: allow_unused_tensors,
            taken: HashSet::new(),
            prefix,
            naming,
            norm_kind,
            head_dim,
            bytes: Vec::new(),
            words: Vec::new(),
            num_tensors: file.names().len(),
            num_read: 0,
            progress,
        }
    }

    /// Whether the file has `name`, with or without its prefix.
    fn has(&self, name: &str) -> bool {
        self.file.info(name).is_some() || self.file.info(&format!("{}{name}", self.prefix)).is_some()
    }

    /// Loads a matrix `[rows, columns]`. The device stores it in the file's format.
    pub(super) async fn matrix(
        &mut self,
        name: Name,
        rows: Size<'_>,
        columns: Size<'_>,
        layout: Layout,
    ) -> Result<Matrix> {
        self.stack(&[(weight(name.file), rows)], columns, layout).await
    }

    /// Stacks matrices above each other. Neighbours of one format become one matrix.
    async fn stack(
        &mut self,
        parts: &[(String, Size<'_>)],
        columns: Size<'_>,
        layout: Layout,
    ) -> Result<Matrix> {
        // GGUF files have GPT-2's projections transposed, in the layout of all other families.
        let layout = if matches!(self.file, Weights::Gguf(_)) { Layout::AsIs } else { layout };
        let mut formats = Vec::with_capacity(parts.len());
        for (name, rows) in parts {
            let expected = match layout {
                Layout::AsIs => [*rows, columns],
                Layout::Transposed => [columns, *rows],
            };
            let (_, dtype) = self.find(name, &expected)?;
            formats.push(dtype.format().ok_or_else(|| self.wrong_type(name, dtype))?);
        }
        let label = parts.first().map_or("", |(name, _)| name);
        let mut stacked = Vec::new();
        let mut start = 0;
        while start < parts.len() {
            let format = formats[start];
            let same = formats[start..].iter().take_while(|other| **other == format).count();
            let group = &parts[start..start + same];
            let num_rows = group.iter().map(|(_, rows)| rows.1).sum();
            let matrix = Matrix::zeros(self.device, label, (num_rows, columns.1), format)?;
            let mut first_row = 0;
            for (name, rows) in group {
                let name = self.full_name(name);
                match layout {
                    Layout::AsIs => self.fill(&matrix, first_row, &name, rows.1).await?,
                    Layout::Transposed => {
                        self.read_all(&name, format, rows.1 * columns.1).await?;
                        let words = match format {
                            Format::F32 => transpose::<4>(&self.bytes, rows.1, columns.1),
                            _ => transpose::<2>(&self.bytes, rows.1, columns.1),
                        };
                        matrix.write_rows(self.device, first_row, &words)?;
                    }
                }
                self.count();
                first_row += rows.1;
            }
            stacked.push(matrix);
            start += same;
        }
        Ok(Matrix::stack(stacked))
    }

    /// Reads a tensor into rows of `matrix`, part by part. Reading it at once would take as much memory again.
    async fn fill(&mut self, matrix: &Matrix, first_row: usize, name: &str, num_rows: usize) -> Result<()> {
        let Some(format) = matrix.parts.first().map(|part| part.format) else { return Ok(()) };
        let columns = matrix.columns;
        let dtype_bytes = self.file.info(name).map_or(0, |info| info.dtype.bytes_of(columns));
        let interleaves = matches!(self.file, Weights::Gguf(file) if file.interleaves(name));
        let unit = if interleaves { self.head_dim } else { 1 };
        let at_once = (PART_BYTES / dtype_bytes.max(1)).max(1).next_multiple_of(unit);
        for start in (0..num_rows).step_by(at_once) {
            let count = at_once.min(num_rows - start);
            let part = ((start * dtype_bytes) as u64, (count * dtype_bytes) as u64);
            self.file.fetch_part(name, part, &mut self.bytes).await?;
            match format {
                Format::F32 => pad::<4>(&self.bytes, count, columns, &mut self.words),
                Format::F16 | Format::Bf16 => pad::<2>(&self.bytes, count, columns, &mut self.words),
                _ => repack(format, &self.bytes, columns, &mut self.words),
            }
            if interleaves {
                separate_halves(&mut self.words, format.words_per_row(columns), self.head_dim);
            }
            matrix.write_rows(self.device, first_row + start, &self.words)?;
        }
        Ok(())
    }

    fn count(&mut self) {
        self.num_read += 1;
        (self.progress)(self.num_read, self.num_tensors);
    }

    /// Reads a vector `[size]` as f32.
    async fn values(&mut self, name: &str, size: Size<'_>) -> Result<Vec<f32>> {
        let (name, dtype) = self.find(name, &[size])?;
        let format = dtype.format().filter(|format| format.block_columns() == 1);
        let format = format.ok_or_else(|| self.wrong_type(&name, dtype))?;
        self.read_all(&name, format, size.1).await?;
        self.count();
        let bytes = &self.bytes;
        let mut values: Vec<f32> = match format {
            Format::F16 => {
                bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
            }
            Format::Bf16 => {
                bytes.chunks_exact(2).map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
            }
            _ => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        };
        if matches!(self.file, Weights::Gguf(file) if file.interleaves(&name)) {
            separate_halves(&mut values, 1, self.head_dim);
        }
        Ok(values)
    }

    /// Loads a projection that consists of one or more matrices above each other: each `NAME.weight`, and each present
    /// `NAME.bias`. If `bias` is set, all biases are required.
    pub(super) async fn linear(
        &mut self,
        names: &[(String, Size<'_>)],
        columns: Size<'_>,
        bias: bool,
    ) -> Result<Linear> {
        let parts: Vec<_> = names.iter().map(|(name, rows)| (weight(name), *rows)).collect();
        let weight = self.stack(&parts, columns, self.naming.layout).await?;
        let has_bias: Vec<bool> = names.iter().map(|(name, _)| bias || self.may_have_bias(name)).collect();
        if !has_bias.contains(&true) {
            return Ok(Linear { weight, bias: None });
        }
        let mut values = Vec::with_capacity(weight.rows);
        for ((name, rows), has_bias) in names.iter().zip(has_bias) {
            values.extend(match has_bias {
                true => self.values(&format!("{name}.bias"), *rows).await?,
                // A bias of zeros adds nothing.
                false => vec![0.0; rows.1],
            });
        }
        let bias = Tensor::from_slice(self.device, "bias", &values, 1, values.len())?;
        Ok(Linear { weight, bias: Some(bias) })
    }

    /// Whether the file has a bias that the configuration neither asks for nor denies.
    fn may_have_bias(&self, name: &str) -> bool {
        let denied = if name.contains("attn") { self.no_biases.attention } else { self.no_biases.mlp };
        !denied && self.has(&format!("{name}.bias"))
    }

    /// Loads the weight of a norm, and its bias if the family has one.
    pub(super) async fn norm(&mut self, name: &str, size: Size<'_>) -> Result<NormWeights> {
        let weight = self.norm_weight(name, size).await?;
        let bias = match self.norm_kind {
            NormKind::WeightAndBias => {
                let name = format!("{name}.bias");
                let values = self.values(&name, size).await?;
                Some(Tensor::from_slice(self.device, &name, &values, 1, size.1)?)
            }
            NormKind::Weight | NormKind::WeightLessOne => None,
        };
        Ok(NormWeights { weight, bias })
    }

    /// Loads the weight of a norm without a bias.
    pub(super) async fn norm_weight(&mut self, name: &str, size: Size<'_>) -> Result<Tensor> {
        let name = &weight(name);
        let mut values = self.values(name, size).await?;
        if self.norm_kind == NormKind::WeightLessOne {
            values.iter_mut().for_each(|value| *value += 1.0);
        }
        Tensor::from_slice(self.device, name, &values, 1, size.1)
    }

    /// Loads the head: `lm_head.weight`, or the embedding if the head is tied.
    pub(super) async fn head(
        &mut self,
        embedding: &Matrix,
        embedding_name: Name,
        tied: bool,
        vocab_size: Size<'_>,
        hidden_size: Size<'_>,
    ) -> Result<Matrix> {
        // Some files have a head although the configuration ties it. The head in the file is the trained one.
        let head = weight(HEAD.file);
        let has_head = self.has(&head);
        if tied && (!has_head || self.same(&head, &weight(embedding_name.file)).await?) {
            self.taken.insert(self.full_name(&head));
            return Ok(embedding.clone());
        }
        if !has_head {
            // The head's name has no prefix.
            return Err(self.missing(&head).detail(
                "config.json gives the head a matrix of its own: tie_word_embeddings is false, or missing",
            ));
        }
        self.matrix(HEAD, vocab_size, hidden_size, Layout::AsIs).await
    }

    /// Whether two tensors have the same bytes.
    async fn same(&mut self, left: &str, right: &str) -> Result<bool> {
        let (left, right) = (self.full_name(left), self.full_name(right));
        if self.file.info(&left) != self.file.info(&right) {
            return Ok(false);
        }
        let mut other = Vec::new();
        let num_bytes = self.file.info(&left).map_or(0, |info| {
            let rows: usize = info.shape.iter().rev().skip(1).product();
            info.dtype.bytes_of(info.shape.last().copied().unwrap_or(1)) * rows
        });
        for start in (0..num_bytes).step_by(PART_BYTES) {
            let part = (start as u64, PART_BYTES.min(num_bytes - start) as u64);
            self.file.fetch_part(&left, part, &mut self.bytes).await?;
            self.file.fetch_part(&right, part, &mut other).await?;
            if self.bytes != other {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn full_name(&self, name: &str) -> String {
        let prefixed = format!("{}{name}", self.prefix);
        if self.file.info(&prefixed).is_none() && self.file.info(name).is_some() {
            name.to_owned()
        } else {
            prefixed
        }
    }

    /// Checks that the model uses all tensors of the file. Some unused tensors are known to be harmless. Others give an
    /// error or a warning.
    pub(super) fn finish(self) -> Result<()> {
        let carries_nothing = self.naming.carries_nothing;
        let names = self.file.names();
        let is_read_before = |name: &str| name == ROPE_FREQS && matches!(self.file, Weights::Gguf(_));
        let unused =
            |name: &&str| !self.taken.contains(*name) && !is_read_before(name) && !carries_nothing(name);
        let unused: Vec<&str> = names.into_iter().filter(unused).collect();
        let Some(first) = unused.first() else { return Ok(()) };
        let shown: Vec<_> = unused.iter().take(MAX_SHOWN).map(|name| excerpt(name)).collect();
        let more = match unused.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (count, file) = (unused.len(), self.file.file_of(first));
        let found = format!("found {}{more}", shown.join(", "));
        if self.allow_unused {
            tracing::warn!("{count} of {} tensors of {file} are left out: {found}", self.num_tensors);
            return Ok(());
        }
        let what = format!("no part of the model uses {count} of the {} tensors", self.num_tensors);
        let error = Error::input(format!("cannot load {file}: {what}")).detail(found);
        let denied = if first.contains("attn") { self.no_biases.attention } else { self.no_biases.mlp };
        let error = match denied && first.ends_with(".bias") {
            true => error.detail(
                "config.json says that there are no such biases: attention_bias or mlp_bias is false",
            ),
            false => error,
        };
        Err(error.hint("--allow-unused-tensors loads the model without them"))
    }

    /// Returns the full name and the type of a tensor after a check of its shape. The tensor counts as used.
    fn find(&mut self, name: &str, expected: &[Size<'_>]) -> Result<(String, Dtype)> {
        let name = self.full_name(name);
        let info = self.file.info(&name).ok_or_else(|| self.missing(&name))?;
        let sizes: Vec<usize> = expected.iter().map(|(_, size)| *size).collect();
        if info.shape != sizes {
            return Err(self.wrong_shape(&name, info, expected));
        }
        let dtype = info.dtype;
        self.taken.insert(name.clone());
        Ok((name, dtype))
    }

    async fn read_all(&mut self, name: &str, format: Format, num_elements: usize) -> Result<()> {
        let element_bytes = if format == Format::F32 { 4 } else { 2 };
        self.file.fetch_part(name, (0, (num_elements * element_bytes) as u64), &mut self.bytes).await
    }

    fn wrong_type(&self, name: &str, found: Dtype) -> Error {
        Error::input(format!("cannot load {name} from {}", self.file.file_of(name)))
            .detail(format!("found type {found}, expected F32, F16 or BF16"))
    }

    fn missing(&self, name: &str) -> Error {
        Error::input(format!("cannot load {name}: the weights have no such tensor"))
            .detail(format!("found {} tensors in {}", self.num_tensors, self.file.file_of(name)))
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

fn weight(name: &str) -> String {
    format!("{name}.weight")
}
