//! From a file's blocks to a device's rows: what the formats' own files share.
//!
//! The layouts of the blocks are those of ggml's `ggml-common.h` and `ggml-quants.c`.

use rayon::prelude::*;

use super::{BLOCK, Blocks, Format, Quants, SUPER_BLOCK, SUPER_BLOCK_SCALE_WORDS, Scales, Storage};

/// A block's parts as they lie on a device.
pub(super) struct Unpacked<'a> {
    /// A byte each, in the order of the columns.
    pub quants: &'a mut [u8],
    /// Of [`Scales::Single`] a half, of [`Scales::Pair`] a word, else [`SUPER_BLOCK_SCALE_WORDS`].
    pub scales: [u32; SUPER_BLOCK_SCALE_WORDS],
}

/// Replaces the contents of `words` with the device's rows of `columns` weights, repacked from the file's
/// rows of blocks.
///
/// # Panics
/// If `bytes` is not a whole number of rows.
pub(crate) fn repack(format: Format, bytes: &[u8], columns: usize, words: &mut Vec<u32>) {
    let row_bytes = format.file_bytes(columns);
    let row_words = format.words_per_row(columns);
    assert!(bytes.len().is_multiple_of(row_bytes), "whole rows of {}", format.name());
    words.clear();
    words.resize(bytes.len() / row_bytes * row_words, 0);
    let Storage::Quants(quants, Blocks { bytes: block_bytes, unpack, .. }) = format.description().storage
    else {
        return;
    };
    let block_columns = format.block_columns();
    words.par_chunks_mut(row_words).zip(bytes.par_chunks(row_bytes)).for_each(|(row, bytes)| {
        let [low, high, _] = quants.plane_words(columns);
        let (low, rest) = row.split_at_mut(low);
        let (high, scales) = rest.split_at_mut(high);
        let mut planes = Planes { low, high, scales, quants };
        let mut buffer = [0; SUPER_BLOCK];
        let mut unpacked =
            Unpacked { quants: &mut buffer[..block_columns], scales: [0; SUPER_BLOCK_SCALE_WORDS] };
        for (index, block) in bytes.chunks_exact(block_bytes).enumerate() {
            unpack(block, &mut unpacked);
            planes.add(index, &unpacked);
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
    /// Stores block `index` of the row.
    fn add(&mut self, index: usize, block: &Unpacked<'_>) {
        match self.quants.scales {
            Scales::Single => self.scales[index / 2] |= block.scales[0] << (16 * (index % 2)),
            Scales::Pair => self.scales[index] = block.scales[0],
            Scales::Minimums | Scales::Signed => self.scales[index * SUPER_BLOCK_SCALE_WORDS..]
                [..SUPER_BLOCK_SCALE_WORDS]
                .copy_from_slice(&block.scales),
        }
        let first = index * (block.quants.len() / BLOCK);
        for (place, quants) in block.quants.chunks_exact(BLOCK).enumerate() {
            self.put(first + place, quants);
        }
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

/// The bits of the f16 at `offset`.
pub(super) fn half(block: &[u8], offset: usize) -> u32 {
    u16::from_le_bytes([block[offset], block[offset + 1]]).into()
}

/// Unpacks 32 quants: the first 16 are in the lower nibbles, the others in the upper ones.
pub(super) fn nibbles(bytes: &[u8], quants: &mut [u8]) {
    let (lower, upper) = quants.split_at_mut(BLOCK / 2);
    for ((lower, upper), byte) in lower.iter_mut().zip(upper).zip(bytes) {
        *lower = byte & 15;
        *upper = byte >> 4;
    }
}

/// Unpacks 256 quants: of each 64, the first 32 are in the lower nibbles of 32 bytes, the others in the upper ones.
pub(super) fn wide_nibbles(bytes: &[u8], quants: &mut [u8]) {
    for (bytes, quants) in bytes.chunks_exact(BLOCK).zip(quants.chunks_exact_mut(2 * BLOCK)) {
        let (lower, upper) = quants.split_at_mut(BLOCK);
        for ((lower, upper), byte) in lower.iter_mut().zip(upper).zip(bytes) {
            *lower = byte & 15;
            *upper = byte >> 4;
        }
    }
}

/// Adds the fifth bits of 32 quants, which are the bits of a word in the order of the columns.
pub(super) fn fifth_bits(bytes: &[u8], quants: &mut [u8]) {
    let bits = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    for (place, quant) in quants.iter_mut().enumerate() {
        *quant |= ((bits >> place & 1) << 4) as u8;
    }
}

/// Unpacks eight scales and eight minimums of six bits out of 12 bytes.
pub(super) fn six_bit_scales(packed: &[u8], words: &mut [u32]) {
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
    scale_bytes(&scales, words);
}

/// Stores 16 bytes in four words.
pub(super) fn scale_bytes(bytes: &[u8], words: &mut [u32]) {
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
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
