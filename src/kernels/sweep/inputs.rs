//! Makes inputs of cases. They are pseudo-random, the same every time, and poisoned where a kernel must not read.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use super::Output;
use crate::device::{Device, Matrix, Tensor};
use crate::error::Result;
use crate::format::{Format, SUPER_BLOCK_SCALE_WORDS, Scales, row_stride};

/// NaN with a payload. In outputs it reveals elements that were not written, and in inputs it reveals reads past the
/// end.
pub(crate) const POISON: u32 = 0x7fc0_dead;

/// A number for elements outside the rows of a buffer that is read and written in place. Arithmetic keeps a NaN's bits,
/// so poison would hide a write.
const UNTOUCHED: u32 = 0x4a5e_ad01;

/// The elements after an input's row.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::kernels) enum Padding {
    /// Zeros, as kernels promise one another.
    Zero,
    /// Poison, for kernels that do not read the padding.
    Poison,
}

/// Makes tensors on a device. They are the same on every device.
pub(crate) struct Inputs<'a> {
    device: &'a Device,
    random: Pcg32,
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(device: &'a Device) -> Self {
        Self { device, random: Pcg32::seed_from_u64(0) }
    }

    /// A number in `0.1..1` or `-1..-0.1`. It is never zero, so that a missing product shows.
    pub(crate) fn value(&mut self) -> f32 {
        let bits = self.random.next_u32();
        let magnitude = 0.1 + 0.9 * (bits >> 8) as f32 / (1_u32 << 24) as f32;
        if bits & 1 == 0 { magnitude } else { -magnitude }
    }

    /// An index below `end`.
    pub(in crate::kernels) fn index(&mut self, end: usize) -> u32 {
        self.random.next_u32() % end as u32
    }

    /// Makes words `[rows, stride]`. The first `filled` rows have values, which `value` computes from
    /// [`Inputs::value`].
    pub(in crate::kernels) fn words(
        &mut self,
        (rows, filled, columns): (usize, usize, usize),
        padding: Padding,
        value: impl Fn(f32) -> f32,
    ) -> Vec<u32> {
        let stride = row_stride(columns);
        let mut words = vec![POISON; rows * stride];
        for row in words.chunks_exact_mut(stride).take(filled) {
            for word in &mut row[..columns] {
                *word = value(self.value()).to_bits();
            }
            if padding == Padding::Zero {
                row[columns..].fill(0);
            }
        }
        words
    }

    /// Makes a tensor that the kernel reads: `filled` rows of values, and poison.
    pub(in crate::kernels) fn tensor(
        &mut self,
        label: &str,
        (rows, filled, columns): (usize, usize, usize),
        padding: Padding,
        value: impl Fn(f32) -> f32,
    ) -> Result<Tensor> {
        let words = self.words((rows, filled, columns), padding, value);
        Tensor::from_words(self.device, label, &words, rows, columns)
    }

    /// Makes a KV cache that the kernel reads, `[lens.len() * max_seq_len, columns]`. Each sequence has as many rows of
    /// values as its length, and poison after them.
    pub(in crate::kernels) fn cache(
        &mut self,
        label: &str,
        (lens, max_seq_len): (&[usize], usize),
        columns: usize,
    ) -> Result<Tensor> {
        let words: Vec<u32> = lens
            .iter()
            .flat_map(|&len| self.words((max_seq_len, len, columns), Padding::Poison, |value| value))
            .collect();
        Tensor::from_words(self.device, label, &words, lens.len() * max_seq_len, columns)
    }

    /// Makes a row that the kernel reads, such as a bias.
    pub(in crate::kernels) fn vector(&mut self, label: &str, columns: usize) -> Result<Tensor> {
        self.tensor(label, (1, 1, columns), Padding::Poison, |value| value)
    }

    /// Makes a tensor that the kernel writes. It is poison.
    pub(in crate::kernels) fn output(
        &mut self,
        label: &'static str,
        rows: usize,
        columns: usize,
    ) -> Result<Output> {
        self.in_place(label, (rows, 0, columns), |value| value)
    }

    /// Makes a tensor that the kernel reads and writes: `filled` rows of values, and poison.
    pub(in crate::kernels) fn in_place(
        &mut self,
        label: &'static str,
        (rows, filled, columns): (usize, usize, usize),
        value: impl Fn(f32) -> f32,
    ) -> Result<Output> {
        let mut initial = self.words((rows, filled, columns), Padding::Poison, value);
        if filled > 0 {
            initial.iter_mut().filter(|word| **word == POISON).for_each(|word| *word = UNTOUCHED);
        }
        let tensor = Tensor::from_words(self.device, label, &initial, rows, columns)?;
        Ok(Output { label, tensor, initial })
    }

    /// Makes words that the kernel reads and writes in place.
    pub(in crate::kernels) fn given(&self, label: &'static str, mut initial: Vec<u32>) -> Result<Output> {
        let columns = initial.len();
        initial.resize(row_stride(columns), UNTOUCHED);
        let tensor = Tensor::from_words(self.device, label, &initial, 1, columns)?;
        Ok(Output { label, tensor, initial })
    }

    /// Makes weights in `format`, padded with zeros, in parts of at most `rows_per_part` rows.
    pub(in crate::kernels) fn matrix(
        &mut self,
        (rows, columns): (usize, usize),
        format: Format,
        rows_per_part: Option<usize>,
    ) -> Result<Matrix> {
        let words = self.weight_words((rows, columns), format);
        match rows_per_part {
            None => Matrix::upload(self.device, "weight", &words, (rows, columns), format),
            Some(limit) => {
                Matrix::upload_in_parts(self.device, "weight", &words, (rows, columns), format, limit)
            }
        }
    }

    /// Makes the words of such weights.
    pub(crate) fn weight_words(&mut self, (rows, columns): (usize, usize), format: Format) -> Vec<u32> {
        let row_words = format.words_per_row(columns);
        let mut words = vec![0_u32; rows * row_words];
        for row in words.chunks_exact_mut(row_words) {
            self.row(row, columns, format);
        }
        words
    }

    /// Makes a row of weights whose absolute values are between 0.1 and 1. Quantised weights have quants of every
    /// value, and scales that give such weights.
    fn row(&mut self, row: &mut [u32], columns: usize, format: Format) {
        let Some(quants) = format.quants() else {
            match format {
                Format::F16 => bytemuck::cast_slice_mut::<u32, u16>(row)[..columns]
                    .fill_with(|| half::f16::from_f32(self.value()).to_bits()),
                Format::Bf16 => bytemuck::cast_slice_mut::<u32, u16>(row)[..columns]
                    .fill_with(|| half::bf16::from_f32(self.value()).to_bits()),
                _ => row[..columns].fill_with(|| self.value().to_bits()),
            }
            return;
        };
        let [low, high, scales] = quants.plane_words(columns);
        row[..low + high].fill_with(|| self.random.next_u32());
        let largest = (1 << (quants.bits - 1)) as f32;
        match quants.scales {
            Scales::Single => {
                let halves = &mut row[low + high..][..scales];
                for word in halves {
                    *word = self.factors(largest, 1.0) & 0xffff | self.factors(largest, 1.0) << 16;
                }
            }
            Scales::Pair => row[low + high..][..scales].fill_with(|| self.factors(largest, 1.0)),
            Scales::Minimums | Scales::Signed => {
                let is_signed = quants.scales == Scales::Signed;
                let largest = largest * if is_signed { 128.0 } else { 64.0 };
                for words in row[low + high..][..scales].chunks_exact_mut(SUPER_BLOCK_SCALE_WORDS) {
                    words[0] = self.factors(largest, 64.0);
                    // Scales and minimums have six bits, and signed scales have eight.
                    let mask = if is_signed { u32::MAX } else { 0x3f3f_3f3f };
                    words[1..].fill_with(|| self.random.next_u32() & mask);
                }
            }
        }
    }

    /// Makes two f16. The first is a scale that makes `largest` a number around 1, and the second makes
    /// `largest_offset` such a number.
    fn factors(&mut self, largest: f32, largest_offset: f32) -> u32 {
        let (scale, offset) = (self.value() / largest, self.value() / largest_offset);
        let bits = |value| u32::from(half::f16::from_f32(value).to_bits());
        bits(scale) | bits(offset) << 16
    }
}
