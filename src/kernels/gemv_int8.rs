//! `gemv_int8`: products of quants with tokens that `quantize` has rounded to eight bits.

use crate::cpu::{self, Call};
use crate::device::Buffer;
use crate::kernels::product::{self, Params, TOLERANCE};
use crate::kernels::{GemvShape, Kernel, Plan, Projection, Requires, gemv, quantized_words};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv_int8",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemv_int8.wgsl")),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &product::BUFFERS,
    twin: compute,
    fast: compute,
    tolerance: TOLERANCE,
};

pub(super) fn compute(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [quantized, weight, bias, y, ..] = &mut call.slots;
    let (num_tokens, x_stride) = (call.batch.num_tokens as usize, params.x_stride as usize);
    let weight = params.weight(weight.words(), bias.floats());
    cpu::finish(
        |y| cpu::gemv_int8(num_tokens, weight, (quantized.words(), x_stride), y),
        (num_tokens, weight.out_features),
        params.epilogue(),
        (y.floats_mut(), params.y_stride as usize, params.first_row as usize),
    );
}

/// Records `projection` with `quantized`, what [`crate::kernels::quantize`] has made of its `x`, in the place of that. Threads share
/// rows as `shape` says, whose kernel has to take bytes.
///
/// # Panics
/// If the shapes disagree, the shape's kernel takes no bytes, the projection begins with a norm, or its weights are no quants.
pub fn project_int8(plan: &mut Plan, shape: GemvShape, projection: &Projection<'_>, quantized: &Buffer) {
    assert!(shape.int8, "project_int8: {shape}");
    let words = quantized_words(plan.max_tokens(), projection.x.columns());
    assert!(quantized.len() >= words, "project_int8: quantized activations");
    gemv::record(plan, |_| shape, projection, Some(quantized));
}
