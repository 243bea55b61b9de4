//! The twin of the shaders' module `weight`: stored weights as numbers.

use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

use crate::format::{BLOCK, Format, Quants, SUPER_BLOCK, SUPER_BLOCK_SCALE_WORDS, Scales};

/// Writes the weights of one row from column `start`, a multiple of 32, on into `to`.
///
/// `row` has the words of the row, with `columns` including padding. The length of `to` is a multiple of 32.
pub(super) fn unpack(row: &[u32], format: Format, columns: usize, start: usize, to: &mut [f32]) {
    match format.quants() {
        None => unpack_floats(row, format, start, to),
        Some(quants) => {
            let planes = Planes::new(row, quants, columns);
            for (index, to) in to.chunks_exact_mut(BLOCK).enumerate() {
                planes.unpack(start / BLOCK + index, to);
            }
        }
    }
}

fn unpack_floats(row: &[u32], format: Format, start: usize, to: &mut [f32]) {
    match format {
        Format::F16 => {
            let halves: &[u16] = bytemuck::cast_slice(&row[start / 2..(start + to.len()) / 2]);
            halves.reinterpret_cast::<f16>().convert_to_f32_slice(to);
        }
        Format::Bf16 => {
            for (to, word) in to.chunks_exact_mut(2).zip(&row[start / 2..]) {
                to[0] = f32::from_bits(word << 16);
                to[1] = f32::from_bits(word & 0xffff_0000);
            }
        }
        _ => to.copy_from_slice(bytemuck::cast_slice(&row[start..start + to.len()])),
    }
}

/// The planes of a row of quants.
struct Planes<'a> {
    low: &'a [u32],
    high: &'a [u32],
    scales: &'a [u32],
    quants: Quants,
}

impl<'a> Planes<'a> {
    fn new(row: &'a [u32], quants: Quants, columns: usize) -> Self {
        let [low, high, _] = quants.plane_words(columns);
        Self { low: &row[..low], high: &row[low..low + high], scales: &row[low + high..], quants }
    }

    /// The 32 weights of a block.
    fn unpack(&self, block: usize, to: &mut [f32]) {
        let mut numbers = [0_i8; BLOCK];
        self.numbers(block, &mut numbers);
        for (half, to) in to.chunks_exact_mut(BLOCK / 2).enumerate() {
            let (scale, offset) = self.scale(block, half);
            let numbers = &numbers[half * BLOCK / 2..][..BLOCK / 2];
            // The product and the sum are computed even if the offset is 0, because branches would cost more.
            for (to, &number) in to.iter_mut().zip(numbers) {
                *to = scale * f32::from(number) + offset;
            }
        }
    }

    /// The quants less their bias. A word holds bytes for four quants, or the four bits of four quants and those of the
    /// next four.
    fn numbers(&self, block: usize, numbers: &mut [i8; BLOCK]) {
        let bias = self.quants.bias as i8;
        for (four, numbers) in numbers.chunks_exact_mut(4).enumerate() {
            let bytes = match self.quants.bits {
                8 => self.low[8 * block + four],
                bits => {
                    let low = self.low[4 * block + four / 2] >> (4 * (four % 2)) & 0x0f0f_0f0f;
                    let high = match bits {
                        5 => self.high[block] >> four & 0x0101_0101,
                        6 => self.high[2 * block + four / 4] >> (2 * (four % 4)) & 0x0303_0303,
                        _ => 0,
                    };
                    low | high << 4
                }
            };
            for (number, byte) in numbers.iter_mut().zip(bytes.to_le_bytes()) {
                *number = (byte as i8).wrapping_sub(bias);
            }
        }
    }

    /// The scale and the offset of half a block.
    fn scale(&self, block: usize, half: usize) -> (f32, f32) {
        let pair =
            |word: u32| (f16::from_bits(word as u16).to_f32(), f16::from_bits((word >> 16) as u16).to_f32());
        match self.quants.scales {
            Scales::Single => {
                let (even, odd) = pair(self.scales[block / 2]);
                (if block.is_multiple_of(2) { even } else { odd }, 0.0)
            }
            Scales::Pair => pair(self.scales[block]),
            Scales::Minimums | Scales::Signed => {
                let blocks = SUPER_BLOCK / BLOCK;
                let scales = &self.scales[block / blocks * SUPER_BLOCK_SCALE_WORDS..];
                let byte = |index: usize| scales[1 + index / 4].to_le_bytes()[index % 4];
                let (factor, minimum_factor) = pair(scales[0]);
                let index = block % blocks;
                if self.quants.scales == Scales::Signed {
                    return (factor * f32::from(byte(2 * index + half) as i8), 0.0);
                }
                (factor * f32::from(byte(index)), -minimum_factor * f32::from(byte(blocks + index)))
            }
        }
    }
}
