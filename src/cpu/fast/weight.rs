//! Stored weights as lanes of f32. The twin of the same name defines what the words mean.

use std::cmp::Ordering;

use fearless_simd::prelude::*;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::{Level, f32x8};
use fearless_simd::{Simd, f32x16, i8x16, i8x32, i16x16, i32x16, u16x32, u32x4, u32x8, u32x16};

use crate::format::{BLOCK, Format, Quants, SUPER_BLOCK_SCALE_WORDS, Scales};

/// The columns of a panel. With so many, the unpacked weights of a tile of rows stay in the nearest cache.
pub(super) const PANEL: usize = 1024;

/// The blocks of a panel.
const BLOCKS: usize = PANEL / BLOCK;

/// A row of a weight matrix. The format is a constant, and so is all that depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a, const FORMAT: u32> {
    /// The words of a row of floating point.
    low: &'a [u32],
    high: &'a [u32],
    scales: &'a [u32],
}

impl<'a, const FORMAT: u32> Row<'a, FORMAT> {
    const QUANTS: Option<Quants> = Format::at(FORMAT).quants();

    /// Makes a row of `words`, with `columns` including padding.
    #[inline(always)]
    pub fn new(words: &'a [u32], columns: usize) -> Self {
        let Some(quants) = Self::QUANTS else {
            return Self { low: words, high: &[], scales: &[] };
        };
        let [low, high, _] = quants.plane_words(columns);
        let (low, rest) = words.split_at(low);
        let (high, scales) = rest.split_at(high);
        Self { low, high, scales }
    }

    /// The columns from `index * PANEL` on.
    #[inline(always)]
    pub fn panel<S: Simd>(self, simd: S, index: usize) -> Panel<'a, FORMAT> {
        let part = |words: &'a [u32], size: usize| {
            let rest = &words[index * size..];
            &rest[..size.min(rest.len())]
        };
        let mut panel = Panel { low: &[], high: &[], scales: [0.0; 2 * BLOCKS], offsets: [0.0; BLOCKS] };
        match Self::QUANTS {
            None => panel.low = part(self.low, Format::at(FORMAT).words_per_row(PANEL)),
            Some(quants) => {
                let [low, high, scales] = quants.plane_words(PANEL);
                (panel.low, panel.high) = (part(self.low, low), part(self.high, high));
                panel.unpack_scales(simd, part(self.scales, scales), quants);
            }
        }
        panel
    }
}

/// Up to [`PANEL`] columns of a row, whose scales are unpacked.
pub(super) struct Panel<'a, const FORMAT: u32> {
    low: &'a [u32],
    high: &'a [u32],
    /// Of each half of a block if they are [`Scales::Signed`], else of each block.
    scales: [f32; 2 * BLOCKS],
    offsets: [f32; BLOCKS],
}

impl<const FORMAT: u32> Panel<'_, FORMAT> {
    /// The 32 weights of a block.
    #[inline(always)]
    pub fn block<S: Simd>(&self, simd: S, block: usize) -> [f32x16<S>; 2] {
        let Some(quants) = Row::<FORMAT>::QUANTS else { return self.floats(simd, block) };
        let (low, high) = self.numbers(simd, block, quants).widen();
        [self.scaled(low, block, 0, quants), self.scaled(high, block, 1, quants)]
    }

    /// Where there is an offset, a number has at most five bits, and its scale nineteen: their product is exact. So the
    /// bits are the same whether the CPU rounds it before the offset is added or not.
    #[inline(always)]
    fn scaled<S: Simd>(&self, numbers: i16x16<S>, block: usize, half: usize, quants: Quants) -> f32x16<S> {
        let (low, high) = numbers.widen();
        let numbers: f32x16<S> = low.combine(high).to_float();
        let scale = self.scales[if quants.scales == Scales::Signed { 2 * block + half } else { block }];
        if quants.has_offset() { numbers.mul_add(scale, self.offsets[block]) } else { numbers * scale }
    }

    #[inline(always)]
    fn unpack_scales<S: Simd>(&mut self, simd: S, words: &[u32], quants: Quants) {
        match quants.scales {
            Scales::Single => {
                let (low, high) = up_to_16(simd, words).bitcast::<u16x32<S>>().widen();
                halves(simd, low).store_slice(&mut self.scales[..16]);
                halves(simd, high).store_slice(&mut self.scales[16..32]);
            }
            Scales::Pair => {
                let to =
                    self.scales.as_chunks_mut::<16>().0.iter_mut().zip(self.offsets.as_chunks_mut::<16>().0);
                for (words, (scales, offsets)) in words.chunks(16).zip(to) {
                    let words = up_to_16(simd, words);
                    halves(simd, words).store_array(scales);
                    halves(simd, words >> 16).store_array(offsets);
                }
            }
            Scales::Minimums => {
                let factors = |word| u32x8::splat(simd, word).combine(u32x8::splat(simd, word >> 16));
                let to =
                    self.scales.as_chunks_mut::<8>().0.iter_mut().zip(self.offsets.as_chunks_mut::<8>().0);
                for (words, (scales, offsets)) in words.as_chunks().0.iter().zip(to) {
                    let numbers = bytes(simd, words) & 0xff;
                    let (low, high) =
                        (halves(simd, factors(words[0])) * numbers.to_float::<f32x16<S>>()).split();
                    low.store_array(scales);
                    (-high).store_array(offsets);
                }
            }
            Scales::Signed => {
                for (words, scales) in words.as_chunks().0.iter().zip(self.scales.as_chunks_mut::<16>().0) {
                    let numbers = bytes(simd, words).to_float::<f32x16<S>>();
                    (halves(simd, u32x16::splat(simd, words[0])) * numbers).store_array(scales);
                }
            }
        }
    }

    #[inline(always)]
    fn floats<S: Simd>(&self, simd: S, block: usize) -> [f32x16<S>; 2] {
        if const { matches!(Format::at(FORMAT), Format::F32) } {
            let words: &[f32] = bytemuck::cast_slice(self.low);
            let block = &words.as_chunks::<BLOCK>().0[block];
            let (low, high) = block.split_at(BLOCK / 2);
            return [f32x16::from_slice(simd, low), f32x16::from_slice(simd, high)];
        }
        let words = &self.low.as_chunks::<{ BLOCK / 2 }>().0[block];
        let (low, high) = u32x16::load_array_ref(simd, words).bitcast::<u16x32<S>>().widen();
        if const { matches!(Format::at(FORMAT), Format::F16) } {
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
        // The low halves of a word's bytes are four quants, and the high ones the next four. Bits that are shifted out of
        // the upper word are in the high half of the lower one.
        let (low, high) = u32x4::load_array_ref(simd, &self.low.as_chunks::<4>().0[block]).widen();
        let words = low.combine(high);
        let mut fours = ((words | words << 28) & 0x0f0f_0f0f_0f0f_0f0f).bitcast::<u32x8<S>>();
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
}

/// The conversion of CPUs that have one.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod x86 {
    #[cfg(target_arch = "x86")]
    use std::arch::x86::*;
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::*;

    fearless_simd::kernel!(
        #[inline]
        pub(super) fn sixteen(avx512: Avx512, words: __m512i) -> __m512 {
            let _ = avx512;
            _mm512_cvtph_ps(_mm512_cvtepi32_epi16(words))
        }
    );

    fearless_simd::kernel!(
        #[inline]
        pub(super) fn eight(avx2: Avx2, words: __m256i) -> __m256 {
            let _ = avx2;
            let low = _mm256_and_si256(words, _mm256_set1_epi32(0xffff));
            // Each half of the register has its own four numbers twice.
            let packed = _mm256_permute4x64_epi64::<0b1000>(_mm256_packus_epi32(low, low));
            _mm256_cvtph_ps(_mm256_castsi256_si128(packed))
        }
    );
}

/// Up to sixteen words, then zeros.
#[inline(always)]
fn up_to_16<S: Simd>(simd: S, words: &[u32]) -> u32x16<S> {
    let (fours, rest) = words.as_chunks::<4>();
    // A copy of so many words that only the row tells would take longer.
    let last = match *rest {
        [] => [0; 4],
        [a] => [a, 0, 0, 0],
        [a, b] => [a, b, 0, 0],
        [a, b, c, ..] => [a, b, c, 0],
    };
    let four = |index: usize| match index.cmp(&fours.len()) {
        Ordering::Less => u32x4::load_array_ref(simd, &fours[index]),
        Ordering::Equal => u32x4::load_array(simd, last),
        Ordering::Greater => u32x4::splat(simd, 0),
    };
    four(0).combine(four(1)).combine(four(2).combine(four(3)))
}

/// The sixteen bytes after the factors of a super-block.
#[inline(always)]
fn bytes<S: Simd>(simd: S, words: &[u32; SUPER_BLOCK_SCALE_WORDS]) -> i32x16<S> {
    let (low, high) = u32x4::from_slice(simd, &words[1..]).bitcast::<i8x16<S>>().widen();
    let ((first, second), (third, fourth)) = (low.widen(), high.widen());
    first.combine(second).combine(third.combine(fourth))
}

/// Converts the lower halves of words, IEEE halves, to singles.
#[inline(always)]
pub(super) fn halves<S: Simd>(simd: S, words: u32x16<S>) -> f32x16<S> {
    // The level is that of `simd`, so each array is a register, and only one branch is compiled.
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    match simd.level() {
        Level::Avx512(avx512) => {
            let words = u32x16::load_array(avx512, words.into());
            let halves = f32x16::simd_from(avx512, x86::sixteen(avx512, words.into()));
            return f32x16::load_array(simd, halves.into());
        }
        Level::Avx2(avx2) => {
            let (low, high) = u32x16::load_array(avx2, words.into()).split();
            let [low, high] = [low, high].map(|words| f32x8::simd_from(avx2, x86::eight(avx2, words.into())));
            return f32x16::load_array(simd, low.combine(high).into());
        }
        _ => {}
    }
    halves_by_bits(simd, words)
}

/// Converts as [`halves`] does, with integers. No number on the way is subnormal: where one is, many CPUs take a hundred
/// cycles longer.
#[inline(always)]
fn halves_by_bits<S: Simd>(simd: S, words: u32x16<S>) -> f32x16<S> {
    let exponent = words & 0x7c00;
    let magnitude = (words & 0x7fff) << 13;
    let normal = (magnitude + (112 << 23)).bitcast::<f32x16<S>>();
    let tiny = (magnitude + (113 << 23)).bitcast::<f32x16<S>>() - f32::from_bits(113 << 23);
    let infinite = (magnitude | 0x7f80_0000).bitcast::<f32x16<S>>();
    let value = exponent.simd_eq(u32x16::splat(simd, 0)).select(tiny, normal);
    let value = exponent.simd_eq(u32x16::splat(simd, 0x7c00)).select(infinite, value);
    (value.bitcast::<u32x16<S>>() | (words & 0x8000) << 16).bitcast()
}
