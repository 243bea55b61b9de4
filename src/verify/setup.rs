//! A case on a device: inputs, a plan of one kernel, and its outputs.

use super::attention;
use super::case::{Before, Case, Values};
use super::choice;
use super::inputs::{Inputs, Padding};
use crate::device::{Device, Tensor};
use crate::dispatch::Batch;
use crate::error::Result;
use crate::format::{BLOCK, Format};
use crate::kernels::{self, Choices, Epilogue, GemvShape, InputNorm, Lookup, Matmul, Plan, Residual};

/// Rows of tensors past the tokens of a case: nobody may touch them.
pub(super) const SPARE_ROWS: usize = 3;

/// Where `select_rows` starts.
const FIRST_ROW: usize = 2;

/// Of the RMS norms. Next to the square of a small value it counts.
pub(super) const EPS: f32 = 1e-6;

/// Of `softcap`: Gemma 2's of logits.
const CAP: f32 = 30.0;

/// What is there to be run.
pub(super) struct Setup {
    pub plan: Plan,
    pub batch: Batch,
    pub outputs: Vec<Output>,
}

/// A tensor that the kernel writes.
pub(super) struct Output {
    pub label: &'static str,
    pub tensor: Tensor,
    /// Its words before the run.
    pub initial: Vec<u32>,
}

/// `case` for the kernel of this name. `choices` are for products whose case names no shape.
///
/// # Panics
/// If the case is of another kind of kernel.
pub(super) fn build(device: &Device, choices: &Choices, kernel: &str, case: &Case) -> Result<Setup> {
    match *case {
        Case::Rows { num_tokens, columns, values } => {
            let sizes = (num_tokens, columns);
            match kernel {
                "argmax" | "choose" | "top_k" => choice::build(device, kernel, sizes, values),
                _ => rows(device, kernel, sizes, values),
            }
        }
        Case::Lookup { num_tokens, vocab_size, hidden_size, format, rows_per_part, added } => {
            assert_eq!(kernel, "embedding", "a look-up");
            lookup(device, num_tokens, (vocab_size, hidden_size), (format, rows_per_part), added)
        }
        Case::Product {
            num_tokens,
            out_features,
            in_features,
            format,
            bias,
            rows_per_part,
            shape,
            values,
        } => {
            let sizes = (out_features, in_features);
            let on = (device, choices);
            product(on, kernel, num_tokens, sizes, (format, rows_per_part), bias, shape, values)
        }
        Case::Projection {
            num_tokens,
            out_features,
            in_features,
            format,
            bias,
            before,
            epilogue,
            shape,
            values,
        } => {
            let sizes = (out_features, in_features);
            projection(device, kernel, num_tokens, sizes, format, bias, (before, epilogue), shape, values)
        }
        Case::Attention(ref case) => attention::build(device, kernel, case),
        Case::Probe { num_blocks, num_threads, rounds } => {
            probe(device, kernel, (num_blocks, num_threads), rounds)
        }
    }
}

pub(super) fn plan(device: &Device, num_tokens: usize) -> (Plan, Batch) {
    let choices = Choices::of(device);
    (Plan::new(device, &choices, num_tokens), Batch { num_tokens: num_tokens as u32, ..Batch::default() })
}

fn rows(
    device: &Device,
    kernel: &str,
    (num_tokens, columns): (usize, usize),
    values: Values,
) -> Result<Setup> {
    let mut inputs = Inputs::new(device);
    let (mut plan, mut batch) = plan(device, num_tokens);
    let sizes = (num_tokens + SPARE_ROWS, num_tokens, columns);
    let value = |ordinary| values.of(ordinary);
    let output = match kernel {
        "add" => {
            let y = inputs.tensor("y", sizes, Padding::Poison, value)?;
            let x = inputs.in_place("x", sizes, value)?;
            kernels::add(&mut plan, &x.tensor, &y);
            x
        }
        "add_norm" => return add_norm(inputs, (plan, batch), sizes, value),
        "gelu_erf" | "gelu_tanh" => {
            let x = inputs.tensor("x", sizes, Padding::Poison, |ordinary| 8.0 * values.of(ordinary))?;
            let y = inputs.output("y", sizes.0, columns)?;
            if kernel == "gelu_erf" {
                kernels::gelu_erf(&mut plan, &x, &y.tensor);
            } else {
                kernels::gelu_tanh(&mut plan, &x, &y.tensor);
            }
            y
        }
        "geglu" | "swiglu" => {
            let factor = if values == Values::Large { 100.0 } else { 8.0 };
            let sizes = (sizes.0, num_tokens, 2 * columns);
            let x = inputs.tensor("x", sizes, Padding::Poison, |ordinary| factor * ordinary)?;
            let y = inputs.output("y", sizes.0, columns)?;
            if kernel == "geglu" {
                kernels::geglu(&mut plan, &x, &y.tensor);
            } else {
                kernels::swiglu(&mut plan, &x, &y.tensor);
            }
            y
        }
        "layer_norm" => {
            let x = inputs.tensor("x", sizes, Padding::Poison, value)?;
            let weight = inputs.vector("weight", columns)?;
            let bias = inputs.vector("bias", columns)?;
            let y = inputs.output("y", sizes.0, columns)?;
            kernels::layer_norm(&mut plan, &x, &weight, &bias, 1e-5, &y.tensor);
            y
        }
        "rms_norm" => {
            let x = inputs.tensor("x", sizes, Padding::Poison, value)?;
            let weight = inputs.vector("weight", columns)?;
            let y = inputs.output("y", sizes.0, columns)?;
            kernels::rms_norm(&mut plan, &x, &weight, EPS, &y.tensor);
            y
        }
        "select_rows" => {
            batch.first_row = FIRST_ROW as u32;
            let filled = FIRST_ROW + num_tokens;
            let x = inputs.tensor("x", (filled + SPARE_ROWS, filled, columns), Padding::Poison, value)?;
            let y = inputs.output("y", sizes.0, columns)?;
            kernels::select_rows(&mut plan, &x, &y.tensor);
            y
        }
        "softcap" => {
            // Ordinary values from a third of the cap to three times it, where it bends; small ones a tenth of that, as
            // what is smaller rounds to itself.
            let scale = if values == Values::Small { 0.1 } else { values.of(1.0) };
            let x = inputs.in_place("x", sizes, |ordinary| 3.0 * CAP * scale * ordinary)?;
            kernels::softcap(&mut plan, CAP, &x.tensor);
            x
        }
        "zero_columns" => {
            let x = inputs.in_place("x", sizes, value)?;
            // All of a row, or what leaves something on either side.
            let some = columns / 3..columns - columns / 5;
            kernels::zero_columns(&mut plan, &x.tensor, if num_tokens == 2 { some } else { 0..columns });
            x
        }
        _ => panic!("{kernel} does not take rows"),
    };
    Ok(Setup { plan, batch, outputs: vec![output] })
}

fn add_norm(
    mut inputs: Inputs<'_>,
    (mut plan, batch): (Plan, Batch),
    (rows, filled, columns): (usize, usize, usize),
    value: impl Fn(f32) -> f32,
) -> Result<Setup> {
    let x = inputs.tensor("x", (rows, filled, columns), Padding::Poison, &value)?;
    let update = inputs.tensor("update", (rows, filled, columns), Padding::Poison, &value)?;
    let post_weight = inputs.vector("post_weight", columns)?;
    let weight = inputs.vector("weight", columns)?;
    let (z, y) = (inputs.output("z", rows, columns)?, inputs.output("y", rows, columns)?);
    let residual = Residual { x: &x, update: &update, post_weight: &post_weight, z: &z.tensor, eps: EPS };
    kernels::add_norm(&mut plan, &residual, &weight, &y.tensor);
    Ok(Setup { plan, batch, outputs: vec![z, y] })
}

fn probe(
    device: &Device,
    kernel: &str,
    (num_blocks, num_threads): (usize, usize),
    rounds: usize,
) -> Result<Setup> {
    let mut inputs = Inputs::new(device);
    let (mut plan, batch) = plan(device, 1);
    let x = inputs.tensor("x", (1, 1, num_blocks * BLOCK), Padding::Zero, |value| value)?;
    let y = inputs.output("y", 1, num_threads)?;
    match kernel {
        "probe_f32" => kernels::probe_f32(&mut plan, rounds, &x, &y.tensor),
        "probe_read" => kernels::probe_read(&mut plan, rounds == 1, &x, &y.tensor),
        _ => panic!("{kernel} is no probe"),
    }
    Ok(Setup { plan, batch, outputs: vec![y] })
}

fn lookup(
    device: &Device,
    num_tokens: usize,
    (vocab_size, hidden_size): (usize, usize),
    (format, rows_per_part): (Format, Option<usize>),
    added: bool,
) -> Result<Setup> {
    let mut inputs = Inputs::new(device);
    let (mut plan, batch) = plan(device, num_tokens);
    // The first and the last row, rows between, and ids past the end.
    let ids: Vec<u32> = (0..num_tokens)
        .map(|token| match token % 6 {
            0 => 0,
            1 => vocab_size as u32 - 1,
            3 => vocab_size as u32,
            5 => u32::MAX,
            _ => inputs.index(vocab_size),
        })
        .collect();
    let ids = device.upload("ids", &ids)?;
    let table = inputs.matrix((vocab_size, hidden_size), format, rows_per_part)?;
    let rows = num_tokens + SPARE_ROWS;
    let (y, lookup) = if added {
        (inputs.in_place("y", (rows, num_tokens, hidden_size), |value| value)?, Lookup::Added)
    } else {
        (inputs.output("y", rows, hidden_size)?, Lookup::Scaled(1.7))
    };
    kernels::embedding(&mut plan, &ids, &table, lookup, &y.tensor);
    Ok(Setup { plan, batch, outputs: vec![y] })
}

#[allow(clippy::too_many_arguments, reason = "the fields of Case::Product")]
fn product(
    (device, choices): (&Device, &Choices),
    kernel: &str,
    num_tokens: usize,
    (out_features, in_features): (usize, usize),
    (format, rows_per_part): (Format, Option<usize>),
    has_bias: bool,
    shape: Option<GemvShape>,
    values: Values,
) -> Result<Setup> {
    let mut inputs = Inputs::new(device);
    let mut plan = Plan::new(device, choices, num_tokens);
    let batch = Batch { num_tokens: num_tokens as u32, ..Batch::default() };
    let rows = num_tokens + SPARE_ROWS;
    let x = inputs.tensor("x", (rows, num_tokens, in_features), Padding::Zero, |value| values.of(value))?;
    let weight = inputs.matrix((out_features, in_features), format, rows_per_part)?;
    let bias = if has_bias { Some(inputs.vector("bias", out_features)?) } else { None };
    let y = inputs.output("y", rows, out_features)?;
    match (kernel, shape) {
        ("gemv", None) => kernels::gemv(&mut plan, &x, &weight, bias.as_ref(), &y.tensor),
        ("gemv" | "gemv_rows", Some(shape)) => {
            let matmul = Matmul::new(&x, &weight, bias.as_ref(), &y.tensor);
            kernels::gemv_shaped(&mut plan, shape, &matmul);
        }
        ("gemm", _) => kernels::gemm(&mut plan, &x, &weight, bias.as_ref(), &y.tensor),
        ("gemm_matrix", _) => kernels::gemm_matrix(&mut plan, &x, &weight, bias.as_ref(), &y.tensor),
        ("gemm_rows", _) => kernels::gemm_rows(&mut plan, &x, &weight, bias.as_ref(), &y.tensor),
        ("gemm_shared", _) => kernels::gemm_shared(&mut plan, &x, &weight, bias.as_ref(), &y.tensor),
        ("gemv_tokens", _) => kernels::gemv_tokens(&mut plan, &x, &weight, bias.as_ref(), &y.tensor),
        _ => panic!("{kernel} is no product"),
    }
    Ok(Setup { plan, batch, outputs: vec![y] })
}

#[allow(clippy::too_many_arguments, reason = "the fields of Case::Projection")]
fn projection(
    device: &Device,
    kernel: &str,
    num_tokens: usize,
    (out_features, in_features): (usize, usize),
    format: Format,
    has_bias: bool,
    (before, epilogue): (Before, Epilogue),
    shape: GemvShape,
    values: Values,
) -> Result<Setup> {
    let mut inputs = Inputs::new(device);
    let (mut plan, batch) = plan(device, num_tokens);
    let rows = num_tokens + SPARE_ROWS;
    let value = |ordinary| values.of(ordinary);
    let x = inputs.tensor("x", (rows, num_tokens, in_features), Padding::Zero, value)?;
    let weight_rows = if epilogue.is_gated() { 2 * out_features } else { out_features };
    let weight = inputs.matrix((weight_rows, in_features), format, None)?;
    let bias = if has_bias { Some(inputs.vector("bias", weight_rows)?) } else { None };
    let mut norm_vector = |label| inputs.tensor(label, (1, 1, in_features), Padding::Zero, |value| value);
    let norm_weight = norm_vector("norm_weight")?;
    let norm_bias = norm_vector("norm_bias")?;
    let y = if epilogue == Epilogue::Add {
        inputs.in_place("y", (rows, num_tokens, out_features), |value| value)?
    } else {
        inputs.output("y", rows, out_features)?
    };
    let bias = bias.as_ref();
    if kernel == "gemv_residual" {
        let update = inputs.tensor("update", (rows, num_tokens, in_features), Padding::Zero, value)?;
        let z = inputs.output("z", rows, in_features)?;
        let (post_weight, eps) = (&norm_bias, EPS);
        let residual = Residual { x: &x, update: &update, post_weight, z: &z.tensor, eps };
        let y_of = (epilogue, &y.tensor);
        kernels::gemv_residual(&mut plan, |_| shape, (&residual, &norm_weight), (&weight, bias), y_of);
        return Ok(Setup { plan, batch, outputs: vec![z, y] });
    }
    let norm = match before {
        Before::Nothing => None,
        Before::RmsNorm => Some(InputNorm { weight: &norm_weight, bias: None, eps: EPS }),
        Before::LayerNorm => Some(InputNorm { weight: &norm_weight, bias: Some(&norm_bias), eps: 1e-5 }),
    };
    let matmul = Matmul { x: &x, norm, weight: &weight, bias, epilogue, y: &y.tensor };
    kernels::gemv_shaped(&mut plan, shape, &matmul);
    Ok(Setup { plan, batch, outputs: vec![y] })
}
