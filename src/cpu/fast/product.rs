//! `gemv` and `gemm`. Their sums have the same bits, row by row or tile by tile.
//!
//! The columns are summed in panels. A panel is summed in sixteen lanes, and one panel comes after the other.

use fearless_simd::prelude::*;
use fearless_simd::{Simd, dispatch, f32x16};
use rayon::prelude::*;

use super::lanes::{LANES, level};
use super::weight::{PANEL, Row};
use crate::cpu::Weight;
use crate::format::{BLOCK, Format, with_format};

/// The weights of a task. A task takes some microseconds, which is long compared with starting it.
const WEIGHTS_PER_TASK: usize = 1 << 15;

/// The rows of a tile.
const TILE_ROWS: usize = 4;

/// The products that are computed before they are sorted by tokens.
const STRIP: usize = 1 << 14;

/// The tokens that share unpacked weights.
const STRIP_TOKENS: usize = 64;

/// The most tokens that share weights without storing them unpacked. Registers hold the sums of all of them.
const FEW_TOKENS: usize = 4;

/// Up to so many tokens are taken in groups of [`FEW_TOKENS`], although weights are then unpacked more than once.
const MOST_BY_FEW: usize = 2 * FEW_TOKENS;

/// Computes the same as the twin, in f32.
pub fn gemv(
    num_tokens: usize,
    weight: Weight<'_>,
    (x, x_stride): (&[f32], usize),
    (y, y_stride, first_row): (&mut [f32], usize, usize),
) {
    let rows_per_task = (WEIGHTS_PER_TASK / x_stride).max(1);
    for token in 0..num_tokens {
        let x = &x[token * x_stride..][..x_stride];
        let y = &mut y[token * y_stride + first_row..][..weight.out_features];
        y.par_chunks_mut(rows_per_task).enumerate().for_each(|(task, y)| {
            let first = task * rows_per_task;
            with_format!(weight.format, FORMAT => {
                dispatch!(level(), simd => rows::<_, FORMAT>(simd, weight, first, x, y));
            });
        });
    }
}

/// Computes the same as the twin, in f32.
pub fn gemm(
    num_tokens: usize,
    weight: Weight<'_>,
    (x, x_stride): (&[f32], usize),
    (y, y_stride, first_row): (&mut [f32], usize, usize),
) {
    if num_tokens == 1 {
        return gemv(num_tokens, weight, (x, x_stride), (y, y_stride, first_row));
    }
    let mut products = [0.0_f32; STRIP];
    let strip_tokens = if num_tokens <= MOST_BY_FEW { FEW_TOKENS } else { STRIP_TOKENS };
    for first_token in (0..num_tokens).step_by(strip_tokens) {
        let tokens = strip_tokens.min(num_tokens - first_token);
        let x = &x[first_token * x_stride..][..tokens * x_stride];
        let strip_rows = STRIP / tokens;
        let task_rows = if tokens <= FEW_TOKENS { (WEIGHTS_PER_TASK / x_stride).max(1) } else { TILE_ROWS };
        for first in (0..weight.out_features).step_by(strip_rows) {
            let num_rows = strip_rows.min(weight.out_features - first);
            let products = &mut products[..num_rows * tokens];
            products.par_chunks_mut(task_rows * tokens).enumerate().for_each(|(task, products)| {
                let first = first + task * task_rows;
                with_format!(weight.format, FORMAT => {
                    dispatch!(level(), simd => match tokens {
                        ..=2 => rows_of::<_, FORMAT, 2>(simd, weight, first, (x, x_stride), products),
                        3..=FEW_TOKENS => {
                            rows_of::<_, FORMAT, FEW_TOKENS>(simd, weight, first, (x, x_stride), products)
                        }
                        _ => tile_rows::<_, FORMAT>(simd, weight, first, (x, x_stride), products),
                    });
                });
            });
            for token in 0..tokens {
                let y = &mut y[(first_token + token) * y_stride + first_row + first..][..num_rows];
                for (row, y) in y.iter_mut().enumerate() {
                    *y = products[row * tokens + token];
                }
            }
        }
    }
}

/// Computes the products of consecutive rows from `first` on with one token. Rows are read one after the other, because
/// reading two of them side by side slows the reads from memory.
#[inline(always)]
fn rows<S: Simd, const FORMAT: u32>(simd: S, weight: Weight<'_>, first: usize, x: &[f32], y: &mut [f32]) {
    for (index, y) in y.iter_mut().enumerate() {
        let row = row::<FORMAT>(weight, first + index, x.len());
        let mut total = 0.0;
        for (panel, x) in x.chunks(PANEL).enumerate() {
            let panel = row.panel(simd, panel);
            let mut sums = f32x16::splat(simd, 0.0);
            for (block, x) in x.as_chunks::<BLOCK>().0.iter().enumerate() {
                sums += multiply(panel.block(simd, block), load(simd, x));
            }
            total += sums.reduce_sum();
        }
        *y = total + bias(weight, first + index);
    }
}

/// Computes the products of consecutive rows from `first` on with up to `T` tokens of `x`, as `[rows, tokens]`. Each
/// has the same bits as from [`rows`].
#[inline(always)]
fn rows_of<S: Simd, const FORMAT: u32, const T: usize>(
    simd: S,
    weight: Weight<'_>,
    first: usize,
    (x, x_stride): (&[f32], usize),
    products: &mut [f32],
) {
    let tokens = x.len() / x_stride;
    // Tokens past the last one repeat it.
    let x: [&[f32]; T] = std::array::from_fn(|token| &x[token.min(tokens - 1) * x_stride..][..x_stride]);
    for (index, products) in products.chunks_exact_mut(tokens).enumerate() {
        let row = row::<FORMAT>(weight, first + index, x_stride);
        let mut totals = [0.0; T];
        for start in (0..x_stride).step_by(PANEL) {
            let panel = row.panel(simd, start / PANEL);
            let x = x.map(|x| x[start..x_stride.min(start + PANEL)].as_chunks::<BLOCK>().0);
            let mut sums = [f32x16::splat(simd, 0.0); T];
            for block in 0..x[0].len() {
                let weights = panel.block(simd, block);
                for (token, sums) in sums.iter_mut().enumerate() {
                    let x = x[token];
                    *sums += multiply(weights, load(simd, &x[block]));
                }
            }
            for (total, sums) in totals.iter_mut().zip(&sums) {
                *total += sums.reduce_sum();
            }
        }
        for (product, total) in products.iter_mut().zip(totals) {
            *product = total + bias(weight, first + index);
        }
    }
}

#[inline(always)]
fn load<S: Simd>(simd: S, block: &[f32; BLOCK]) -> [f32x16<S>; 2] {
    let (low, high) = block.split_at(LANES);
    [f32x16::from_slice(simd, low), f32x16::from_slice(simd, high)]
}

/// Returns the part of a block in the sums. The halves of the block are added to each other first, so that the next
/// block waits for only one addition.
#[inline(always)]
fn multiply<S: Simd>(weights: [f32x16<S>; 2], x: [f32x16<S>; 2]) -> f32x16<S> {
    weights[0] * x[0] + weights[1] * x[1]
}

#[inline(always)]
fn row<const FORMAT: u32>(weight: Weight<'_>, row: usize, columns: usize) -> Row<'_, FORMAT> {
    let row_words = Format::at(FORMAT).words_per_row(columns);
    Row::new(&weight.words[row * row_words..][..row_words], columns)
}

fn bias(weight: Weight<'_>, row: usize) -> f32 {
    weight.bias.get(row).copied().unwrap_or(0.0)
}

/// Computes the products of up to [`TILE_ROWS`] rows from `first` on with all tokens of `x`, as `[rows, tokens]`.
#[inline(always)]
fn tile_rows<S: Simd, const FORMAT: u32>(
    simd: S,
    weight: Weight<'_>,
    first: usize,
    (x, x_stride): (&[f32], usize),
    products: &mut [f32],
) {
    let tokens = x.len() / x_stride;
    let num_rows = products.len() / tokens;
    let mut weights = [[0.0_f32; PANEL]; TILE_ROWS];
    for start in (0..x_stride).step_by(PANEL) {
        let columns = PANEL.min(x_stride - start);
        for (index, weights) in weights.iter_mut().enumerate().take(num_rows) {
            let panel = row::<FORMAT>(weight, first + index, x_stride).panel(simd, start / PANEL);
            for (block, weights) in weights[..columns].as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
                let (low, high) = weights.split_at_mut(LANES);
                let [low_weights, high_weights] = panel.block(simd, block);
                low_weights.store_slice(low);
                high_weights.store_slice(high);
            }
        }
        let tile = (&weights, start, columns);
        // There are as many sums as registers can hold.
        if <S::f32s as SimdBase<S>>::LEN >= LANES {
            tiles::<S, TILE_ROWS, 4>(simd, tile, (x, x_stride), products);
        } else {
            tiles::<S, 2, 2>(simd, tile, (x, x_stride), products);
        }
    }
    for (index, products) in products.chunks_exact_mut(tokens).enumerate() {
        let bias = bias(weight, first + index);
        products.iter_mut().for_each(|product| *product += bias);
    }
}

/// Adds a panel's part to all products, `R` rows and `T` tokens at a time.
#[inline(always)]
fn tiles<S: Simd, const R: usize, const T: usize>(
    simd: S,
    (weights, start, columns): (&[[f32; PANEL]; TILE_ROWS], usize, usize),
    (x, x_stride): (&[f32], usize),
    products: &mut [f32],
) {
    let tokens = x.len() / x_stride;
    for (weights, products) in weights.chunks_exact(R).zip(products.chunks_mut(R * tokens)) {
        let mut rows = [&weights[0][..columns]; R];
        for (row, weights) in rows.iter_mut().zip(weights) {
            *row = &weights[..columns];
        }
        let mut token = 0;
        while token < tokens {
            let mut taken = [&x[token * x_stride + start..][..columns]; T];
            if token + T > tokens {
                let sums = tile::<S, R, 1>(simd, rows, [taken[0]]);
                add(&sums, tokens, token, start == 0, products);
                token += 1;
                continue;
            }
            for (index, taken) in taken.iter_mut().enumerate() {
                *taken = &x[(token + index) * x_stride + start..][..columns];
            }
            add(&tile::<S, R, T>(simd, rows, taken), tokens, token, start == 0, products);
            token += T;
        }
    }
}

/// Loops within the loop over blocks take no `zip`, whose calls are not inlined without LTO.
#[inline(always)]
fn tile<S: Simd, const R: usize, const T: usize>(
    simd: S,
    weights: [&[f32]; R],
    x: [&[f32]; T],
) -> [[f32; T]; R] {
    let blocks = x[0].len() / BLOCK;
    let mut sums = [[f32x16::splat(simd, 0.0); T]; R];
    for block in 0..blocks {
        let mut loaded = [[f32x16::splat(simd, 0.0); 2]; T];
        for (token, loaded) in loaded.iter_mut().enumerate() {
            *loaded = load(simd, &x[token].as_chunks().0[..blocks][block]);
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            let weights = load(simd, &weights[row].as_chunks().0[..blocks][block]);
            for (token, sum) in sums.iter_mut().enumerate() {
                *sum += multiply(weights, loaded[token]);
            }
        }
    }
    let mut reduced = [[0.0; T]; R];
    for (reduced, sums) in reduced.iter_mut().zip(&sums) {
        for (reduced, sum) in reduced.iter_mut().zip(sums) {
            *reduced = sum.reduce_sum();
        }
    }
    reduced
}

/// Adds a tile's sums to the products of its rows, of which there may be fewer. The sums of the first panel replace the
/// products.
#[inline(always)]
fn add<const R: usize, const T: usize>(
    sums: &[[f32; T]; R],
    tokens: usize,
    token: usize,
    is_first: bool,
    products: &mut [f32],
) {
    for (products, sums) in products.chunks_exact_mut(tokens).zip(sums) {
        for (product, &sum) in products[token..token + T].iter_mut().zip(sums) {
            *product = if is_first { sum } else { *product + sum };
        }
    }
}

/// Computes all rows with all tokens, with the last token alone, and with the last two and three. The level of vectors
/// need not be the best one.
#[cfg(test)]
pub(super) fn at_level(
    level: fearless_simd::Level,
    weight: Weight<'_>,
    (x, x_stride): (&[f32], usize),
    (tile, token, few): (&mut [f32], &mut [f32], [&mut [f32]; 2]),
) {
    let tokens = x.len() / x_stride;
    with_format!(weight.format, FORMAT => {
        dispatch!(level, simd => {
            for (index, tile) in tile.chunks_mut(TILE_ROWS * tokens).enumerate() {
                tile_rows::<_, FORMAT>(simd, weight, index * TILE_ROWS, (x, x_stride), tile);
            }
            rows::<_, FORMAT>(simd, weight, 0, &x[(tokens - 1) * x_stride..], token);
            let [two, three] = few;
            rows_of::<_, FORMAT, 2>(simd, weight, 0, (&x[(tokens - 2) * x_stride..], x_stride), two);
            rows_of::<_, FORMAT, 4>(simd, weight, 0, (&x[(tokens - 3) * x_stride..], x_stride), three);
        });
    });
}
