//! Tests that all levels of vectors compute the same bits, and that functions are as exact as their comments say.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, f32x16, u32x16};

use super::{exp, lanes, product, weight};
use crate::cpu::{self, Table, Weight};
use crate::format::Format;

/// The levels of this CPU, from the level that every CPU of its kind has to the best one.
fn levels() -> Vec<Level> {
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut, reason = "other kinds have one level"))]
    let mut levels = vec![Level::baseline()];
    #[cfg(target_arch = "x86_64")]
    {
        levels.extend(lanes::level().as_sse4_2().map(Level::Sse4_2));
        levels.extend(lanes::level().as_avx2().map(Level::Avx2));
    }
    levels.push(lanes::level());
    levels
}

/// Numbers between -1 and 1.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|index| ((index * 7919 + 13) % 2003) as f32 / 1001.5 - 1.0).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn products_have_the_same_bits_at_every_level() {
    // There are more columns than in a panel, and tiles that are not full. Weights are arbitrary words, and halves are
    // numbers around 1.
    let (columns, num_rows, tokens) = (1280, 7, 6);
    for format in Format::ALL {
        let words: Vec<u32> = (0..num_rows * format.words_per_row(columns) as u32)
            .map(|index| index.wrapping_mul(2_654_435_761) & 0x0fff_0fff | 0x3000_3000)
            .collect();
        let weight = Weight {
            words: &words,
            format,
            bias: &numbers(num_rows as usize),
            out_features: num_rows as usize,
        };
        let x = numbers(tokens * columns);
        let mut want: Option<Vec<u32>> = None;
        for level in levels() {
            let mut tile = vec![0.0; num_rows as usize * tokens];
            let mut token = vec![0.0; num_rows as usize];
            let mut few = [vec![0.0; 2 * num_rows as usize], vec![0.0; 3 * num_rows as usize]];
            let [two, three] = &mut few;
            product::at_level(level, weight, (&x, columns), (&mut tile, &mut token, [two, three]));
            for (count, few) in (2..).zip(&few) {
                let last: Vec<f32> =
                    tile.chunks(tokens).flat_map(|row| &row[tokens - count..]).copied().collect();
                assert_eq!(bits(few), bits(&last), "{}: {count} tokens, {level:?}", format.name());
            }
            let last: Vec<f32> = tile.chunks(tokens).map(|row| row[tokens - 1]).collect();
            assert_eq!(bits(&last), bits(&token), "{}: many tokens and one, {level:?}", format.name());
            let got = bits(&tile);
            assert_eq!(&got, want.get_or_insert_with(|| got.clone()), "{}, {level:?}", format.name());
        }
    }
}

#[test]
fn weights_are_those_of_the_twin() {
    // There are more columns than in a panel, halves around 1, subnormal ones, and any finite ones.
    let (columns, num_rows) = (1280, 3);
    for (mask, ones) in [(0x0fff_0fff, 0x3000_3000), (0x83ff_83ff, 0), (0xbfff_bfff, 0)] {
        for format in Format::ALL {
            let words: Vec<u32> = (0..num_rows * format.words_per_row(columns) as u32)
                .map(|index| index.wrapping_mul(2_654_435_761) & mask | ones)
                .collect();
            let table = Table { words: &words, format, first_row: 0, num_rows: num_rows as usize };
            let (mut got, mut want) = (vec![0.0; 3 * columns], vec![0.0; 3 * columns]);
            super::embedding(&[0, 1, 2], table, 1.0, false, (columns, columns), &mut got);
            cpu::embedding(&[0, 1, 2], table, 1.0, false, (columns, columns), &mut want);
            for (column, (got, want)) in got.iter().zip(&want).enumerate() {
                assert!(
                    got == want,
                    "{}, {mask:x}: weight {column} is {got}, expected {want}",
                    format.name()
                );
            }
        }
    }
}

#[test]
fn halves_are_exact_at_every_level() {
    for level in levels() {
        for first in (0..=0xffff_u32).step_by(16) {
            // The upper halves of the words do not count.
            let words: [u32; 16] = std::array::from_fn(|index| 0xabcd_0000 | (first + index as u32));
            let got: [f32; 16] =
                dispatch!(level, simd => weight::halves(simd, u32x16::load_array(simd, words)).into());
            for (word, got) in words.into_iter().zip(got) {
                let want = half::f16::from_bits(word as u16).to_f32();
                let is_right = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
                assert!(is_right, "{level:?}: {:#x} is {got}, expected {want}", word as u16);
            }
        }
    }
}

#[test]
fn functions_are_near_and_have_the_same_bits_at_every_level() {
    let x: Vec<f32> = (-2200..=2200).map(|step| step as f32 / 25.0).collect();
    let mut want: Option<Vec<u32>> = None;
    for level in levels() {
        let y = dispatch!(level, simd => all(simd, &x));
        for (&x, y) in x.iter().zip(y.chunks_exact(4)) {
            let right = f64::from(x).clamp(-87.0, 88.0).exp();
            let error = (f64::from(y[0]) / right - 1.0).abs();
            assert!(error < 2e-7, "exp({x}) is {}, {error} from {right}", y[0]);
            for (name, y, right) in [
                ("sigmoid", y[1], 1.0 / (1.0 + (-f64::from(x)).exp())),
                ("tanh", y[2], libm::tanh(x.into())),
                ("erf", y[3], libm::erf(x.into())),
            ] {
                let error = (f64::from(y) - right).abs();
                assert!(error < 3e-7, "{name}({x}) is {y}, {error} from {right}");
            }
        }
        let got = bits(&y);
        assert_eq!(&got, want.get_or_insert_with(|| got.clone()), "{level:?}");
        assert!(dispatch!(level, simd => all(simd, &[f32::NAN])).iter().all(|y| y.is_nan()));
    }
}

/// exp, sigmoid, tanh and erf of each `x`.
#[inline(always)]
fn all<S: Simd>(simd: S, x: &[f32]) -> Vec<f32> {
    let mut all = Vec::new();
    for &x in x {
        let x = f32x16::splat(simd, x);
        all.extend([
            exp::exp(simd, x)[3],
            exp::sigmoid(simd, x)[3],
            exp::tanh(simd, x)[3],
            exp::erf(simd, x)[3],
        ]);
    }
    all
}

#[test]
fn what_does_not_fill_the_lanes_counts_as_much() {
    for count in [0, 1, 15, 16, 17, 31, 48, 65] {
        let (x, y) = (numbers(count), numbers(2 * count).split_off(count));
        let (want, squares) = x.iter().zip(&y).fold((0.0, 0.0), |(dot, squares), (&x, &y)| {
            (dot + f64::from(x) * f64::from(y), squares + (f64::from(x) + 2.0).powi(2))
        });
        let (dot, sum) = dispatch!(lanes::level(), simd => {
            (lanes::dot(simd, &x, &y), lanes::sum(simd, &x, |x| (x + 2.0) * (x + 2.0)))
        });
        assert!((f64::from(dot) - want).abs() < 1e-5, "{count}: {dot}, expected {want}");
        assert!((f64::from(sum) - squares).abs() < 1e-4, "{count}: {sum}, expected {squares}");
    }
}
