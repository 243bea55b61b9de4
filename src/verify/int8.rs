//! Cases of activations that are rounded to eight bits, and of products with them.

use super::case::Values;
use super::inputs::{Inputs, POISON, Padding};
use super::setup::{SPARE_ROWS, Setup, plan};
use crate::cpu;
use crate::device::{Buffer, Device};
use crate::error::Result;
use crate::kernels::{self, quantized_words};
use crate::tensor::{BLOCK, Tensor, row_stride};

/// Blocks in turn: as they are, almost infinite, tiny, and less than what counts.
const MAGNITUDES: [f32; 4] = [1.0, 3e34, 1e-20, 1e-34];

/// Numbers keep this part of the way to the nearest byte: what is halfway between two may become either.
const CLEAR: f64 = 0.9;

/// `quantize` of `num_tokens` tokens.
pub(super) fn build(device: &Device, (num_tokens, columns): (usize, usize), values: Values) -> Result<Setup> {
    let mut inputs = Inputs::new(device);
    let (mut plan, batch) = plan(device, num_tokens);
    let rows = num_tokens + SPARE_ROWS;
    let mut words = inputs.words((rows, num_tokens, columns), Padding::Zero, |value| values.of(value));
    let filled: &mut [f32] = bytemuck::cast_slice_mut(&mut words[..num_tokens * row_stride(columns)]);
    for (block, magnitude) in filled.chunks_exact_mut(BLOCK).zip(MAGNITUDES.into_iter().cycle()) {
        block.iter_mut().for_each(|x| *x *= magnitude);
        clear(block);
    }
    let x = Tensor::from_words(device, "x", &words, rows, columns)?;
    let quantized = inputs.output("quantized", 1, quantized_words(rows, columns))?;
    kernels::quantize(&mut plan, &x, quantized.tensor.buffer());
    Ok(Setup { plan, batch, outputs: vec![quantized] })
}

/// Moves numbers away from the middle between two bytes.
fn clear(block: &mut [f32]) {
    let largest = f64::from(block.iter().fold(0.0_f32, |largest, x| largest.max(x.abs())));
    if largest == 0.0 || block.iter().any(|x| !x.is_finite()) {
        return;
    }
    for x in block {
        let exact = f64::from(*x) * 127.0 / largest;
        let byte = exact.round();
        *x = ((byte + CLEAR * (exact - byte)) * largest / 127.0) as f32;
    }
}

/// Activations that nobody reads, and what the twin makes of such: the same on every device.
pub(super) fn activations(
    (device, inputs): (&Device, &mut Inputs<'_>),
    (num_tokens, columns): (usize, usize),
    values: Values,
) -> Result<(Tensor, Buffer)> {
    let rows = num_tokens + SPARE_ROWS;
    let unread = inputs.words((rows, 0, columns), Padding::Poison, |value| value);
    let words = inputs.words((num_tokens, num_tokens, columns), Padding::Zero, |value| values.of(value));
    let mut quantized = vec![POISON; quantized_words(rows, columns)];
    cpu::quantize(num_tokens, row_stride(columns), bytemuck::cast_slice(&words), &mut quantized);
    let x = Tensor::from_words(device, "x", &unread, rows, columns)?;
    Ok((x, device.upload("quantized", &quantized)?))
}
