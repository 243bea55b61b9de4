//! Looks up rows of a table.

use fearless_simd::prelude::*;
use fearless_simd::{Simd, dispatch};

use super::lanes::{LANES, level};
use super::weight::{PANEL, Row};
use crate::cpu::Table;
use crate::format::{BLOCK, with_format};

/// Computes the same as the twin.
pub fn embedding(
    ids: &[u32],
    table: Table<'_>,
    scale: f32,
    accumulate: bool,
    (hidden_size, stride): (usize, usize),
    y: &mut [f32],
) {
    let row_words = table.format.words_per_row(stride);
    for (&id, y) in ids.iter().zip(y.chunks_mut(stride)) {
        let Some(row) = (id as usize).checked_sub(table.first_row).filter(|&row| row < table.num_rows) else {
            continue;
        };
        let words = &table.words[row * row_words..][..row_words];
        let y = &mut y[..hidden_size];
        with_format!(table.format, FORMAT => {
            dispatch!(level(), simd => {
                look_up(simd, Row::<FORMAT>::new(words, stride), scale, accumulate, y)
            });
        });
    }
}

#[inline(always)]
fn look_up<S: Simd, const FORMAT: u32>(
    simd: S,
    row: Row<'_, FORMAT>,
    scale: f32,
    accumulate: bool,
    y: &mut [f32],
) {
    for (panel, y) in y.chunks_mut(PANEL).enumerate() {
        let panel = row.panel(simd, panel);
        for (block, y) in y.chunks_mut(BLOCK).enumerate() {
            for (weights, y) in panel.block(simd, block).into_iter().zip(y.chunks_mut(LANES)) {
                for (y, value) in y.iter_mut().zip((weights * scale).to_array()) {
                    *y = if accumulate { *y + value } else { value };
                }
            }
        }
    }
}
