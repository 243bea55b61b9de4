//! Repacks a file's blocks into a device's rows: quants are sorted into bit planes, and scales are unpacked.
//!
//! The layouts of the blocks are those of ggml's `ggml-common.h` and `ggml-quants.c`.

use rayon::prelude::*;

use super::tensors::block_bytes;
use crate::format::{BLOCK, Format, Quants, SUPER_BLOCK, SUPER_BLOCK_SCALE_WORDS, Scales};

/// Replaces the contents of `words` with the device's rows of `columns` weights, repacked from the file's
/// rows of blocks.
///
/// # Panics
/// If `bytes` is not a whole number of rows.
pub(crate) fn repack(format: Format, bytes: &[u8], columns: usize, words: &mut Vec<u32>) {
    let row_bytes = columns / format.block_columns() * block_bytes(format);
    let row_words = format.words_per_row(columns);
    assert!(bytes.len().is_multiple_of(row_bytes), "whole rows of {}", format.name());
    words.clear();
    words.resize(bytes.len() / row_bytes * row_words, 0);
    let Some(quants) = format.quants() else { return };
    words.par_chunks_mut(row_words).zip(bytes.par_chunks(row_bytes)).for_each(|(row, bytes)| {
        let [low, high, _] = quants.plane_words(columns);
        let (low, rest) = row.split_at_mut(low);
        let (high, scales) = rest.split_at_mut(high);
        let mut planes = Planes { low, high, scales, quants };
        for (index, block) in bytes.chunks_exact(block_bytes(format)).enumerate() {
            planes.add(format, index, block);
        }
    });
}

/// A device's row.
struct Planes<'a> {
    low: &'a mut [u32],
    high: &'a mut [u32],
    scales: &'a mut [u32],
    quants: Quants,
}

impl Planes<'_> {
    /// Adds block `index` of the file's row.
    fn add(&mut self, format: Format, index: usize, block: &[u8]) {
        if self.quants.scales == Scales::Super {
            let mut quants = [0; SUPER_BLOCK];
            let scales = match format {
                Format::Q6K => q6_k(block, &mut quants),
                _ => q4_k_or_q5_k(block, self.quants.bits == 5, &mut quants),
            };
            self.scales[index * SUPER_BLOCK_SCALE_WORDS..][..SUPER_BLOCK_SCALE_WORDS]
                .copy_from_slice(&scales);
            let first = index * (SUPER_BLOCK / BLOCK);
            for (place, quants) in quants.chunks_exact(BLOCK).enumerate() {
                self.put(first + place, quants);
            }
            return;
        }
        let scale = u32::from(half_at(block, 0));
        let rest = match self.quants.scales {
            Scales::Pair => {
                self.scales[index] = scale | u32::from(half_at(block, 2)) << 16;
                &block[4..]
            }
            _ => {
                self.scales[index / 2] |= scale << (16 * (index % 2));
                &block[2..]
            }
        };
        let mut quants = [0; BLOCK];
        match self.quants.bits {
            8 => quants.copy_from_slice(rest),
            4 => nibbles(rest, &mut quants),
            _ => {
                let bits = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
                nibbles(&rest[4..], &mut quants);
                for (place, quant) in quants.iter_mut().enumerate() {
                    *quant |= ((bits >> place & 1) << 4) as u8;
                }
            }
        }
        self.put(index, &quants);
    }

    /// Stores 32 quants in groups of four, in the layout that [`Format`] describes.
    fn put(&mut self, block: usize, quants: &[u8]) {
        for (four, quants) in quants.chunks_exact(4).enumerate() {
            let bytes = u32::from_le_bytes([quants[0], quants[1], quants[2], quants[3]]);
            if self.quants.bits == 8 {
                self.low[8 * block + four] = bytes;
                continue;
            }
            self.low[4 * block + four / 2] |= (bytes & 0x0f0f_0f0f) << (4 * (four % 2));
            match self.quants.bits {
                5 => self.high[block] |= (bytes >> 4 & 0x0101_0101) << four,
                6 => self.high[2 * block + four / 4] |= (bytes >> 4 & 0x0303_0303) << (2 * (four % 4)),
                _ => {}
            }
        }
    }
}

fn half_at(block: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes([block[offset], block[offset + 1]])
}

/// Unpacks 32 quants: the first 16 are in the lower nibbles, the others in the upper ones.
fn nibbles(bytes: &[u8], quants: &mut [u8; BLOCK]) {
    for (place, byte) in bytes.iter().enumerate() {
        quants[place] = byte & 15;
        quants[place + BLOCK / 2] = byte >> 4;
    }
}

/// Unpacks a block of two factors, 12 bytes of six-bit scales and minimums, 32 bytes of fifth bits (Q5_K
/// only), and 128 bytes of nibbles.
fn q4_k_or_q5_k(block: &[u8], has_fifth_bit: bool, quants: &mut [u8; SUPER_BLOCK]) -> [u32; 5] {
    let (factors, rest) = block.split_at(4);
    let (packed, rest) = rest.split_at(12);
    let (fifth, nibbles) = rest.split_at(if has_fifth_bit { 32 } else { 0 });
    let mut scales = [0; 16];
    for index in 0..8 {
        let (scale, minimum) = if index < 4 {
            (packed[index] & 63, packed[index + 4] & 63)
        } else {
            let both = packed[index + 4];
            (both & 15 | packed[index - 4] >> 6 << 4, both >> 4 | packed[index] >> 6 << 4)
        };
        scales[index] = scale;
        scales[8 + index] = minimum;
    }
    for (chunk, bytes) in nibbles.chunks_exact(32).enumerate() {
        for (place, byte) in bytes.iter().enumerate() {
            quants[64 * chunk + place] = byte & 15;
            quants[64 * chunk + 32 + place] = byte >> 4;
        }
        for (place, bits) in fifth.iter().enumerate() {
            quants[64 * chunk + place] |= (bits >> (2 * chunk) & 1) << 4;
            quants[64 * chunk + 32 + place] |= (bits >> (2 * chunk + 1) & 1) << 4;
        }
    }
    scale_words(u32::from_le_bytes([factors[0], factors[1], factors[2], factors[3]]), &scales)
}

/// Unpacks a block of 128 bytes of nibbles, 64 bytes of pairs of upper bits, 16 signed scales, and a factor.
fn q6_k(block: &[u8], quants: &mut [u8; SUPER_BLOCK]) -> [u32; 5] {
    let (low, rest) = block.split_at(128);
    let (high, rest) = rest.split_at(64);
    let (bytes, factor) = rest.split_at(16);
    for (half, quants) in quants.chunks_exact_mut(128).enumerate() {
        let (low, high) = (&low[64 * half..][..64], &high[32 * half..][..32]);
        for place in 0..32 {
            let upper = |pair: u8| (high[place] >> (2 * pair) & 3) << 4;
            quants[place] = low[place] & 15 | upper(0);
            quants[place + 32] = low[place + 32] & 15 | upper(1);
            quants[place + 64] = low[place] >> 4 | upper(2);
            quants[place + 96] = low[place + 32] >> 4 | upper(3);
        }
    }
    let mut scales = [0; 16];
    scales.copy_from_slice(bytes);
    scale_words(half_at(factor, 0).into(), &scales)
}

fn scale_words(factors: u32, scales: &[u8; 16]) -> [u32; 5] {
    let mut words = [factors, 0, 0, 0, 0];
    for (word, bytes) in words[1..].iter_mut().zip(scales.chunks_exact(4)) {
        *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    words
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::repack;
    use crate::cpu;
    use crate::format::Format;
    use crate::weights::Safetensors;

    fn read(file: &Safetensors, name: &str) -> (Vec<usize>, Vec<u8>) {
        let mut bytes = Vec::new();
        file.read(name, &mut bytes).expect("the golden has it");
        (file.info(name).expect("the golden has it").shape.clone(), bytes)
    }

    #[test]
    fn blocks_mean_what_the_gguf_package_says() {
        for format in Format::ALL.into_iter().filter(|format| format.block_columns() > 1) {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/blocks");
            let file =
                Safetensors::open(&folder.join(format!("{}.safetensors", format.name()))).expect("a golden");
            let (_, bytes) = read(&file, "bytes");
            let (shape, values) = read(&file, "values");
            let (rows, columns) = (shape[0], shape[1]);
            let mut words = Vec::new();
            repack(format, &bytes, columns, &mut words);
            let table = cpu::Table { words: &words, format, first_row: 0, num_rows: rows };
            let mut got = vec![f32::NAN; rows * columns];
            let ids: Vec<u32> = (0..rows as u32).collect();
            cpu::embedding(&ids, table, 1.0, false, (columns, columns), &mut got);
            for (index, (got, want)) in got.iter().zip(values.chunks_exact(4)).enumerate() {
                let want = f32::from_le_bytes([want[0], want[1], want[2], want[3]]);
                // The package multiplies in another order, so its results are rounded otherwise.
                let close = (got - want).abs() <= 2e-6 * want.abs().max(64.0);
                assert!(close, "{}: weight {index} is {got}, expected {want}", format.name());
            }
        }
    }
}
