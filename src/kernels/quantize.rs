//! `quantize`: activations rounded to eight bits, for products with integers.

use crate::cpu::{self, Call, QUANTIZED_BLOCK_WORDS};
use crate::device::Buffer;
use crate::kernels::{Access, Dispatch, Kernel, Plan, Requires, Tolerance};
use crate::tensor::{BLOCK, Tensor};

const WORKGROUP_SIZE: usize = 32;

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    x_stride: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "quantize",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/quantize.wgsl")),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin,
    fast: twin,
    // Bytes, integers, and one product of two f32. What is halfway between two bytes may become either, so no case has that.
    tolerance: Tolerance::NONE,
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [x, quantized, ..] = &mut call.slots;
    let num_tokens = call.batch.num_tokens as usize;
    cpu::quantize(num_tokens, params.x_stride as usize, x.floats(), quantized.words_mut());
}

/// Words of `num_tokens` tokens of up to `columns` elements, rounded by [`quantize`].
pub fn quantized_words(num_tokens: usize, columns: usize) -> usize {
    num_tokens * columns.div_ceil(BLOCK) * QUANTIZED_BLOCK_WORDS
}

/// Records the rounding of `x`, `[max_tokens, columns]`, to a scale for each 32 columns, the largest magnitude in 127 parts, and as
/// many signed bytes; `quantized` has [`quantized_words`] of `max_tokens` or more.
///
/// # Panics
/// If `quantized` is too small.
pub fn quantize(plan: &mut Plan, x: &Tensor, quantized: &Buffer) {
    assert!(x.rows() >= plan.max_tokens(), "quantize: tokens");
    assert!(quantized.len() >= quantized_words(plan.max_tokens(), x.columns()), "quantize: room");
    let params = Params { x_stride: x.stride() as u32 };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: vec![("WORKGROUP_SIZE", WORKGROUP_SIZE as f64)],
        buffers: vec![x.buffer().clone(), quantized.clone()],
        groups_per_block: (x.stride() / BLOCK).div_ceil(WORKGROUP_SIZE) as u32,
        tokens_per_block: 1,
        beyond: 0,
    });
}
