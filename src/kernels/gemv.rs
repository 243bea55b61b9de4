//! `gemv`: `y = weight x + bias` for one token, with a norm before and an epilogue after. Decoding takes most of its
//! time here.

use crate::cpu;
use crate::device::{Matrix, MatrixPart, Tensor};
use crate::dispatch::{Access, Call, Kernel, Requires};
use crate::error::Result;
use crate::format::Format;
use crate::kernels::matmul::{Params, TOLERANCE};
use crate::kernels::sweep::{Case, KernelSweep, Output, Scene, cases};
use crate::kernels::{GemvShape, Matmul, MatmulShape, Plan};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv",
    wgsl: include_str!("../../shaders/resolved/gemv.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &BUFFERS,
    twin: |call| compute(call, cpu::gemv),
    fast: |call| compute(call, cpu::fast::gemv),
    tolerance: TOLERANCE,
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || {
        let shapes = [None, Some(GemvShape::GPU), Some(GemvShape::SOFTWARE)];
        let mut cases = cases::products(&Format::ALL, &[(1, 1), (1, 2), (1, 31), (2, 33)], &shapes);
        cases.push(cases::GPT2_VOCABULARY);
        let shapes = [GemvShape::GPU, GemvShape::SOFTWARE, GemvShape::new(64, 8, 4)];
        cases.extend(cases::projections(&cases::FORMATS, &cases::NORMS, &shapes));
        cases
    },
    set_up,
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("block < blocks;", "block + 1u < blocks;", "the last block left out"),
        ("s.y * part.sum", "-s.y * part.sum", "an offset's sign"),
        ("i32(FORMAT >> 8u)", "i32(FORMAT >> 9u)", "half the bias of quants"),
        ("vec4<u32>(0u, 2u, 4u, 6u)", "vec4<u32>(0u, 2u, 4u, 4u)", "upper bits of six"),
        ("vec4<u32>(0u, 1u, 2u, 3u)", "vec4<u32>(0u, 1u, 2u, 2u)", "the upper bit of five"),
        ("start + 3u", "start + 1u", "a scale for a minimum"),
        ("if params.has_bias != 0u", "if params.has_bias == 0u", "bias"),
        (
            "if NORM == RMS_NORM {\n        sums *=",
            "if false {\n        sums *=",
            "an RMS norm without its scale",
        ),
        ("+ params.eps", "", "epsilon"),
        ("value * norm_weight[vector]", "value", "the norm's weight"),
        ("columns < vec4<u32>(params.in_features)", "vec4<bool>(true)", "padding in the variance"),
        ("/ f32(params.in_features)", "/ f32(params.x_stride)", "padding in the mean"),
        ("* norm_weight[vector] + norm_bias[vector]", "* norm_weight[vector]", "no bias of the norm"),
        (
            "index / COLUMNS_PER_THREAD * params.out_features",
            "index / COLUMNS_PER_THREAD",
            "a gate for a value",
        ),
        ("bias_of(column + params.out_features)", "bias_of(column)", "a gate's bias for a value's"),
        ("y[at] += sum;", "y[at] = sum;", "nothing added"),
        ("y[at] = gelu_erf_of(sum);", "y[at] = gelu_tanh_of(sum);", "another activation"),
        ("silu_of(sum) *", "gelu_tanh_of(sum) *", "another gate"),
    ],
};

/// Sets up a case of `gemv` or `gemv_rows`. Its shape decides which.
pub(super) fn set_up(scene: &mut Scene<'_>, case: &Case) -> Result<Vec<Output>> {
    if let Case::Projection { .. } = case {
        let of = scene.projection(case)?;
        gemv_shaped(&mut scene.plan, of.shape, &of.matmul());
        return Ok(vec![of.y]);
    }
    let of = scene.product(case)?;
    match of.shape {
        None => gemv(&mut scene.plan, &of.x, &of.weight, of.bias.as_ref(), &of.y.tensor),
        Some(shape) => gemv_shaped(&mut scene.plan, shape, &of.matmul()),
    }
    Ok(vec![of.y])
}

/// The buffers: `x`, weights, bias, `y`, the norm's weight and the norm's bias.
pub(super) const BUFFERS: [Access; 6] =
    [Access::Read, Access::Read, Access::Read, Access::ReadWrite, Access::Read, Access::Read];

pub(super) fn compute(call: &mut Call<'_>, gemv: impl cpu::Gemv) {
    let params: Params = call.params();
    let [x, weight, bias, y, norm_weight, norm_bias, ..] = &mut call.slots;
    let norm = (params.norm != 0).then(|| cpu::Norm {
        weight: norm_weight.floats(),
        bias: (params.norm == 2).then(|| norm_bias.floats()),
        eps: params.eps,
        in_features: params.in_features as usize,
    });
    cpu::product(
        gemv,
        call.batch.num_tokens as usize,
        params.weight(weight.words(), bias.floats()),
        (norm, params.epilogue()),
        (x.floats(), params.x_stride as usize),
        (y.floats_mut(), params.y_stride as usize, params.first_row as usize),
    );
}

/// Records `y = weight x + bias`; `x`: `[max_tokens, in_features]`, `weight`: `[out_features, in_features]`, `bias`:
/// `[1, out_features]`, `y`: `[max_tokens, out_features]`. Threads share rows as the plan's [`crate::kernels::Choices`] say.
///
/// # Panics
/// If the shapes disagree.
pub fn gemv(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    gemv_fused(plan, &Matmul::new(x, weight, bias, y));
}

/// Records [`gemv`] with the norm and the epilogue of `matmul`.
///
/// # Panics
/// As [`gemv`].
pub fn gemv_fused(plan: &mut Plan, matmul: &Matmul) {
    let (choices, stride) = (plan.choices().clone(), matmul.x.stride());
    record(plan, |part| choices.gemv_shape(&MatmulShape::of_part(part, stride)), matmul);
}

/// Records [`gemv`] with the norm and the epilogue of `matmul`. Threads share rows as `shape` says.
///
/// # Panics
/// As [`gemv`]; also if threads share both `x` and a row.
pub fn gemv_shaped(plan: &mut Plan, shape: GemvShape, matmul: &Matmul) {
    record(plan, |_| shape, matmul);
}

fn record(plan: &mut Plan, shape: impl Fn(&MatrixPart) -> GemvShape, matmul: &Matmul) {
    let Matmul { x, norm, bias, y, .. } = matmul;
    let choose = |part: &MatrixPart| {
        let shape = shape(part);
        let (mut constants, columns) = shape.of_matmul(matmul);
        constants.push(("NORM", f64::from(matmul.norm_code())));
        (shape.kernel(), constants, (columns, 1))
    };
    // A binding cannot be empty. The kernel does not read a missing tensor.
    let or_x = |tensor: Option<&Tensor>| tensor.unwrap_or(x).buffer().clone();
    matmul.record(plan, choose, |part| {
        let norm_weight = or_x(norm.as_ref().map(|norm| &norm.weight));
        let norm_bias = or_x(norm.as_ref().and_then(|norm| norm.bias.as_ref()));
        let bias = or_x(bias.as_ref());
        vec![x.buffer().clone(), part.buffer.clone(), bias, y.buffer().clone(), norm_weight, norm_bias]
    });
}
