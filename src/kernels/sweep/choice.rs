//! Makes the cases of the kernels that choose a token by its logits.

use super::{Case, Inputs, Padding, Rows, SPARE_ROWS, Scene};
use crate::cpu;
use crate::device::{Buffer, Tensor};
use crate::error::Result;
use crate::format::row_stride;
use crate::kernels::{DeviceSampling, FOUND_WORDS, MAX_CANDIDATES, SearchShape};

/// The distance of a draw or a cut from the next number with another choice. It is far more than the error of sums in
/// f32.
const CLEARANCE: f32 = 1e-4;

/// The most tries to find such numbers.
const MAX_TRIES: usize = 100;

/// Logits, and the shape of the search.
pub(in crate::kernels) struct Logits {
    pub x: Tensor,
    pub shape: SearchShape,
    /// The number of parts of all rows.
    pub num_parts: usize,
    /// The rows of a tensor with a row for each token.
    pub rows: usize,
    words: Vec<u32>,
    num_tokens: usize,
    columns: usize,
}

impl Scene<'_> {
    pub fn logits(&mut self, case: &Case) -> Result<Logits> {
        let rows = Self::rows(case);
        let (sizes, Rows { num_tokens, columns, values }) = (rows.sizes(), rows);
        let words = self.inputs.words(sizes, Padding::Poison, |value| values.of(value));
        let x = Tensor::from_words(self.device, "x", &words, sizes.0, columns)?;
        // Parts of a few columns, of all columns, and those of GPUs and software adapters.
        let shapes = [
            (1024, 64),
            (columns.isqrt().next_power_of_two(), 8),
            (columns.div_ceil(200), 64),
            (columns, 32),
        ];
        let (part_size, workgroup_size) = shapes[columns % shapes.len()];
        let shape = SearchShape { part_size, workgroup_size };
        let num_parts = num_tokens * shape.num_parts(columns) + SPARE_ROWS;
        Ok(Logits { x, shape, num_parts, rows: sizes.0, words, num_tokens, columns })
    }

    /// The candidates that the twin finds in `logits`, and the settings of the choice from them.
    pub fn candidates(&mut self, logits: &Logits) -> Result<(Vec<u32>, Buffer)> {
        let Logits { num_tokens, columns, .. } = *logits;
        let mut found = vec![super::inputs::POISON; logits.rows * FOUND_WORDS];
        let counts = (0..num_tokens).map(|token| count(token + columns));
        let x_words = (bytemuck::cast_slice(&logits.words), row_stride(columns));
        cpu::top_k(counts, columns, x_words, (&mut found, MAX_CANDIDATES));
        let choosing: Vec<DeviceSampling> = (0..num_tokens)
            .map(|token| {
                choosing(&mut self.inputs, token + columns, &found[token * FOUND_WORDS..][..FOUND_WORDS])
            })
            .collect();
        Ok((found, self.device.upload("choosing", bytemuck::cast_slice(&choosing))?))
    }
}

/// The number of candidates: one, few, a usual number, or the most.
fn count(index: usize) -> usize {
    [40, 1, MAX_CANDIDATES, 7, 64, 2, 65][index % 7]
}

/// Settings for a choice from `found`. Slightly smaller and slightly larger numbers give the same choice.
fn choosing(inputs: &mut Inputs<'_>, index: usize, found: &[u32]) -> DeviceSampling {
    let mut fraction = || inputs.index(1 << 24) as f32 / (1 << 24) as f32;
    let choice = |how: DeviceSampling| {
        let (mut found, mut id) = (found.to_vec(), [0]);
        cpu::choose(&[how], (&mut found, MAX_CANDIDATES), &mut id);
        id[0]
    };
    let mut how = DeviceSampling {
        count: count(index) as u32,
        pick: 0,
        temperature: [1.0, 0.1, 3.0, 1e-30, 1e30][index % 5],
        top_p: 2.0,
        min_p: 0.0,
        draw: 0.0,
        unused: [0; 2],
    };
    for _ in 0..MAX_TRIES {
        how.draw = fraction();
        how.top_p = if index % 4 < 2 { 2.0 } else { fraction() };
        how.min_p = if index % 8 < 6 { 0.0 } else { 0.3 * fraction() };
        let id = choice(how);
        let is_clear = [-CLEARANCE, CLEARANCE].into_iter().all(|off| {
            choice(DeviceSampling { draw: how.draw + off, ..how }) == id
                && choice(DeviceSampling { top_p: how.top_p + off, ..how }) == id
                && choice(DeviceSampling { min_p: how.min_p + off, ..how }) == id
        });
        if is_clear && !index.is_multiple_of(9) {
            return how;
        }
    }
    // The greatest logit is always far from another choice. So is any other if nothing is cut.
    DeviceSampling { pick: [3, 1, 200][index % 3], top_p: 2.0, min_p: 0.0, ..how }
}
