//! `gemv`: `y = weight x + bias`, one token at a time, with a norm before and an epilogue after; what decoding spends its time in.

use crate::cpu::{self, Call};
use crate::device::Buffer;
use crate::kernels::product::{Params, TOLERANCE};
use crate::kernels::{Access, GemvShape, Kernel, Plan, Product, Projection, Requires, quantize};
use crate::tensor::{Matrix, MatrixPart, Tensor};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemv.wgsl")),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &BUFFERS,
    twin: |call| compute(call, cpu::gemv),
    fast: |call| compute(call, cpu::fast::gemv),
    tolerance: TOLERANCE,
};

/// `x`, weights, bias, `y`, the norm's weight and bias.
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
/// `[1, out_features]`, `y`: `[max_tokens, out_features]`. Threads share rows as the device is tuned.
///
/// # Panics
/// If the shapes disagree.
pub fn gemv(plan: &mut Plan, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
    project(plan, &Projection::new(x, weight, bias, y));
}

/// As [`gemv`], with what `projection` wants done before and after; parts whose activations the plan rounds to eight bits
/// ([`Plan::with_int8`]) are computed so, unless the projection begins with a norm.
///
/// # Panics
/// As [`gemv`].
pub fn project(plan: &mut Plan, projection: &Projection<'_>) {
    let (device, stride) = (plan.device().clone(), projection.x.stride());
    let int8 =
        plan.int8().filter(|int8| projection.norm.is_none() && int8.shapes.has_part_of(projection.weight));
    let int8 = int8.cloned();
    if let Some(int8) = &int8 {
        quantize(plan, projection.x, &int8.quantized);
    }
    let shape = |part: &MatrixPart| {
        let product = Product::of_part(part, stride);
        let rounded = int8.as_ref().and_then(|int8| int8.shapes.get(&product));
        rounded.unwrap_or_else(|| device.gemv_shape(product))
    };
    record(plan, shape, projection, int8.as_ref().map(|int8| &int8.quantized));
}

/// As [`gemv`] with what `projection` wants done before and after, with threads shared out as `shape` says.
///
/// # Panics
/// As [`gemv`]; also if threads that share `x` are to share a row, or it is to be rounded to eight bits.
pub fn project_shaped(plan: &mut Plan, shape: GemvShape, projection: &Projection<'_>) {
    record(plan, |_| shape, projection, None);
}

/// As [`project_shaped`] with `quantized`, what [`crate::kernels::quantize`] has made of `x`, in the place of that.
pub(super) fn record(
    plan: &mut Plan,
    shape: impl Fn(&MatrixPart) -> GemvShape,
    projection: &Projection<'_>,
    quantized: Option<&Buffer>,
) {
    let Projection { x, norm, bias, y, .. } = projection;
    let choose = |part: &MatrixPart| {
        let shape = shape(part);
        let (mut constants, columns) = shape.of_projection(projection);
        if !shape.int8 {
            constants.push(("NORM", f64::from(projection.norm_code())));
        }
        (shape.kernel(), constants, (columns, 1))
    };
    // A binding cannot be empty; of what is missing nothing is read.
    let or_x = |tensor: Option<&Tensor>| tensor.unwrap_or(x).buffer().clone();
    projection.record(plan, choose, |part| {
        let rest = [part.buffer.clone(), or_x(*bias), y.buffer().clone()];
        let norm_weight = or_x(norm.map(|norm| norm.weight));
        let norm_bias = or_x(norm.and_then(|norm| norm.bias));
        if !shape(part).int8 {
            return [x.buffer().clone()].into_iter().chain(rest).chain([norm_weight, norm_bias]).collect();
        }
        let Some(quantized) = quantized.filter(|_| norm.is_none() && part.format.quants().is_some()) else {
            panic!(
                "{}: activations that are not rounded, a norm, or weights that are no quants",
                shape(part)
            );
        };
        [quantized.clone()].into_iter().chain(rest).collect()
    });
}
