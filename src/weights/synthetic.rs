//! Pseudo-random weights of any shape, which are the same every time.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{Dtype, TensorInfo};
use crate::format::{Format, Storage};
use crate::{Error, Result};

/// The upper bits of a positive f16 between 2^-5 and 2^-4, about the size of trained weights.
const F16_BITS: u16 = 0x2800;
/// The same for an f32.
const F32_BITS: u32 = 0x3d00_0000;
/// Bytes that one task generates.
const BYTES_PER_TASK: usize = 1 << 16;
/// 2^-9 as an f16: a scale that makes quantised weights small.
const SCALE: [u8; 2] = [0x00, 0x18];

/// Tensors whose elements are generated when they are read, so that a model of any size can be benchmarked
/// without a download. Its output is meaningless.
#[derive(Debug)]
pub struct Synthetic {
    name: String,
    tensors: BTreeMap<String, TensorInfo>,
}

impl Synthetic {
    /// Creates tensors with these names, types and shapes; error messages call the model `name`.
    pub fn new(name: &str, tensors: impl IntoIterator<Item = (String, TensorInfo)>) -> Self {
        Self { name: name.to_owned(), tensors: tensors.into_iter().collect() }
    }

    /// Its name in error messages.
    pub fn label(&self) -> &str {
        &self.name
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }

    pub(super) fn read_part(
        &self,
        name: &str,
        (start, num_bytes): (u64, u64),
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let missing = || Error::input(format!("{} has no tensor {name}", self.name));
        let info = self.info(name).ok_or_else(missing)?;
        let last = info.shape.last().copied().unwrap_or(1);
        let rows: usize = info.shape.iter().rev().skip(1).product();
        if start + num_bytes > (rows * info.dtype.bytes_of(last)) as u64 {
            return Err(missing());
        }
        let seed = name.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        buffer.resize(num_bytes as usize, 0);
        buffer.par_chunks_mut(BYTES_PER_TASK).enumerate().for_each(|(task, bytes)| {
            fill(info.dtype, seed, start + (task * BYTES_PER_TASK) as u64, bytes);
        });
        Ok(())
    }
}

/// Generates the bytes of a tensor from `start` on.
fn fill(dtype: Dtype, seed: u64, start: u64, bytes: &mut [u8]) {
    let mut random = mix(seed ^ (start / 8));
    for (at, made) in (start..).zip(bytes) {
        if at.is_multiple_of(8) {
            random = mix(seed ^ (at / 8));
        }
        *made = byte(dtype, (random >> (8 * (at % 8))) as u8, at);
    }
}

/// Turns a random byte into the byte at `at` of a tensor.
fn byte(dtype: Dtype, random: u8, at: u64) -> u8 {
    let upper = |bits: u16, mantissa: u8| (bits >> 8) as u8 | random & (0x80 | mantissa);
    match dtype {
        Dtype::F32 if at % 4 == 3 => upper((F32_BITS >> 16) as u16, 0),
        // Keep the last bit of the exponent at 0.
        Dtype::F32 if at % 4 == 2 => random & 0x7f,
        Dtype::F16 if at % 2 == 1 => upper(F16_BITS, 0x03),
        Dtype::Bf16 if at % 2 == 1 => upper((F32_BITS >> 16) as u16, 0),
        Dtype::Bf16 => random & 0x7f,
        Dtype::Blocks(format) => {
            let place = (at % dtype.bytes_of(format.block_columns()) as u64) as usize;
            let half = halves(format).iter().find(|&&half| (half..half + 2).contains(&place));
            half.map_or(random, |half| SCALE[place - half])
        }
        _ => random,
    }
}

/// Where the f16 scales and offsets of a block are.
fn halves(format: Format) -> &'static [usize] {
    match format.description().storage {
        Storage::Floats { .. } => &[],
        Storage::Quants(_, blocks) => blocks.halves,
    }
}

/// SplitMix64 (Steele, Lea & Flood 2014).
fn mix(index: u64) -> u64 {
    let mut z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_small_and_of_both_signs() {
        for (dtype, bytes) in [(Dtype::F32, 4), (Dtype::F16, 2), (Dtype::Bf16, 2)] {
            let info = TensorInfo { dtype, shape: vec![4, 32] };
            let weights = Synthetic::new("random", [("w".to_owned(), info)]);
            let mut buffer = Vec::new();
            weights.read_part("w", (0, 128 * bytes), &mut buffer).unwrap();
            let values: Vec<f32> = buffer
                .chunks_exact(bytes as usize)
                .map(|b| match dtype {
                    Dtype::F32 => f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
                    Dtype::F16 => half::f16::from_le_bytes([b[0], b[1]]).to_f32(),
                    _ => half::bf16::from_le_bytes([b[0], b[1]]).to_f32(),
                })
                .collect();
            assert!(values.iter().all(|value| (0.03..0.07).contains(&value.abs())), "{dtype}: {values:?}");
            assert!(values.iter().any(|value| *value < 0.0) && values.iter().any(|value| *value > 0.0));
            let mut part = Vec::new();
            weights.read_part("w", (5, 20), &mut part).unwrap();
            assert_eq!(part, buffer[5..25]);
            assert!(weights.read_part("w", (1, 128 * bytes), &mut part).is_err());
        }
    }
}
