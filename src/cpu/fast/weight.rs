//! Stored weights as lanes of f32. The twin of the same name defines what the words mean.

use fearless_simd::prelude::*;
use fearless_simd::{Simd, f32x16, i8x32, i16x16, u16x32, u32x4, u32x8, u32x16};

use crate::format::{BLOCK, Format, Quants, SUPER_BLOCK, SUPER_BLOCK_SCALE_WORDS, Scales};

/// A row of a weight matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    /// The words of a row of floating point.
    low: &'a [u32],
    high: &'a [u32],
    scales: &'a [u32],
    format: Format,
}

impl<'a> Row<'a> {
    /// Makes a row of `words`, with `columns` including padding. If `format` is a constant, all values that depend on
    /// it are constants, too.
    #[inline(always)]
    pub fn new(words: &'a [u32], format: Format, columns: usize) -> Self {
        let Some(quants) = format.quants() else {
            return Self { low: words, high: &[], scales: &[], format };
        };
        let [low, high, _] = quants.plane_words(columns);
        let (low, rest) = words.split_at(low);
        let (high, scales) = rest.split_at(high);
        Self { low, high, scales, format }
    }

    /// The 32 weights of a block.
    #[inline(always)]
    pub fn block<S: Simd>(&self, simd: S, block: usize) -> [f32x16<S>; 2] {
        let Some(quants) = self.format.quants() else { return self.floats(simd, block) };
        let numbers = self.numbers(simd, block, quants);
        let (low, high) = numbers.widen();
        [self.scaled(low, block, 0, quants), self.scaled(high, block, 1, quants)]
    }

    #[inline(always)]
    fn scaled<S: Simd>(&self, numbers: i16x16<S>, block: usize, half: usize, quants: Quants) -> f32x16<S> {
        let (low, high) = numbers.widen();
        let numbers: f32x16<S> = low.combine(high).to_float();
        let (scale, offset) = self.scale(block, half, quants);
        if quants.has_offset() { numbers * scale + offset } else { numbers * scale }
    }

    #[inline(always)]
    fn floats<S: Simd>(&self, simd: S, block: usize) -> [f32x16<S>; 2] {
        if self.format == Format::F32 {
            let words: &[f32] = bytemuck::cast_slice(self.low);
            let block = &words.as_chunks::<BLOCK>().0[block];
            let (low, high) = block.split_at(BLOCK / 2);
            return [f32x16::from_slice(simd, low), f32x16::from_slice(simd, high)];
        }
        let words = &self.low.as_chunks::<{ BLOCK / 2 }>().0[block];
        let (low, high) = u32x16::load_array_ref(simd, words).bitcast::<u16x32<S>>().widen();
        if self.format == Format::F16 {
            return [halves(simd, low), halves(simd, high)];
        }
        [(low << 16).bitcast(), (high << 16).bitcast()]
    }

    /// The quants less their bias.
    #[inline(always)]
    fn numbers<S: Simd>(&self, simd: S, block: usize, quants: Quants) -> i8x32<S> {
        if quants.bits == 8 {
            return u32x8::load_array_ref(simd, &self.low.as_chunks::<8>().0[block]).bitcast();
        }
        // Each word is used twice: for its low halves of bytes, then for its high ones.
        let words = u32x4::load_array_ref(simd, &self.low.as_chunks::<4>().0[block]);
        let twice = words.zip_low(words).combine(words.zip_high(words));
        let mut fours = twice >> u32x8::load_array(simd, [0, 4, 0, 4, 0, 4, 0, 4]) & 0x0f0f_0f0f;
        if quants.bits == 5 {
            let shifts = u32x8::load_array(simd, [0, 1, 2, 3, 4, 5, 6, 7]);
            fours |= (u32x8::splat(simd, self.high[block]) >> shifts & 0x0101_0101) << 4;
        }
        if quants.bits == 6 {
            let [low, high] = self.high.as_chunks::<2>().0[block];
            let words = u32x4::splat(simd, low).combine(u32x4::splat(simd, high));
            let shifts = u32x8::load_array(simd, [0, 2, 4, 6, 0, 2, 4, 6]);
            fours |= (words >> shifts & 0x0303_0303) << 4;
        }
        fours.bitcast::<i8x32<S>>() - quants.bias as i8
    }

    /// The scale and the offset of half a block.
    #[inline(always)]
    fn scale(&self, block: usize, half: usize, quants: Quants) -> (f32, f32) {
        match quants.scales {
            Scales::Single => (f16(self.scales[block / 2] >> (block % 2 * 16)), 0.0),
            Scales::Pair => (f16(self.scales[block]), f16(self.scales[block] >> 16)),
            Scales::Minimums | Scales::Signed => {
                let blocks = SUPER_BLOCK / BLOCK;
                let words = &self.scales.as_chunks::<SUPER_BLOCK_SCALE_WORDS>().0[block / blocks];
                let byte = |index: usize| (words[1 + index / 4] >> (index % 4 * 8)) as u8;
                let index = block % blocks;
                if quants.scales == Scales::Signed {
                    return (f16(words[0]) * f32::from(byte(2 * index + half) as i8), 0.0);
                }
                let minimum = f16(words[0] >> 16) * f32::from(byte(blocks + index));
                (f16(words[0]) * f32::from(byte(index)), -minimum)
            }
        }
    }
}

/// Converts the lower half of a word, an IEEE half, to a single. Asking each time whether the CPU has an instruction
/// for it would cost more.
#[inline(always)]
fn f16(word: u32) -> f32 {
    let bits = (word & 0x8000) << 16 | (word & 0x7fff) << 13;
    if word & 0x7c00 == 0x7c00 {
        return f32::from_bits(bits | 0x7f80_0000);
    }
    // The biases of the two exponents differ by 112.
    f32::from_bits(bits) * f32::from_bits((127 + 112) << 23)
}

/// Does the same as [`f16`] for sixteen words.
#[inline(always)]
fn halves<S: Simd>(simd: S, words: u32x16<S>) -> f32x16<S> {
    let exponent = words & 0x7c00;
    let magnitude = (words & 0x7fff) << 13;
    let normal = (magnitude + (112 << 23)).bitcast::<f32x16<S>>();
    let tiny = (magnitude + (113 << 23)).bitcast::<f32x16<S>>() - f32::from_bits(113 << 23);
    let infinite = (magnitude | 0x7f80_0000).bitcast::<f32x16<S>>();
    let value = exponent.simd_eq(u32x16::splat(simd, 0)).select(tiny, normal);
    let value = exponent.simd_eq(u32x16::splat(simd, 0x7c00)).select(infinite, value);
    (value.bitcast::<u32x16<S>>() | (words & 0x8000) << 16).bitcast()
}
