//! `attention_merge`: what `attention` found in each split of a long text, put together.

use crate::cpu;
use crate::device::{Buffer, Tensor};
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::elementwise::groups_per_row;
use crate::kernels::{AttentionShape, Plan};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    num_heads: u32,
    head_dim: u32,
    window: u32,
    split_len: u32,
    max_splits: u32,
    y_stride: u32,
    max_seq_len: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "attention_merge",
    wgsl: include_str!("../../shaders/resolved/attention_merge.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::Read, Access::ReadWrite],
    twin,
    fast: twin,
    // An average of what the splits have, with a few roundings. Measured on llvmpipe through Vulkan and GL: 7e-7 of 1.06.
    tolerance: Tolerance { atol: 2e-6, rtol: 4e-6 },
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [partials, cache_rows, y, ..] = &mut call.slots;
    let (num_heads, head_dim) = (params.num_heads as usize, params.head_dim as usize);
    let splits = cpu::Splits { split_len: params.split_len as usize, max_splits: params.max_splits as usize };
    let partials = partials.floats().chunks(num_heads * splits.max_splits * (head_dim + 2));
    let y = y.floats_mut().chunks_mut(params.y_stride as usize);
    let rows = &cache_rows.words()[..call.batch.num_tokens as usize];
    for ((row, partials), y) in rows.iter().zip(partials).zip(y) {
        let position = (row % params.max_seq_len) as usize;
        let sizes = (num_heads, head_dim, params.window as usize);
        cpu::attention_merge(position, sizes, splits, partials, y);
    }
}

/// Records the merge of `partials`, `[max_tokens, num_heads, max_splits, head_dim + 2]` in one row, into `y`,
/// `[max_tokens, num_heads * head_dim]`, for splits of `split_len` positions and tokens whose rows in the caches
/// are `cache_rows`, `max_seq_len` for each text.
///
/// # Panics
/// If the shapes disagree, or a pass may have several tokens of a text.
pub fn attention_merge(
    plan: &mut Plan,
    shape: &AttentionShape,
    (split_len, max_splits): (u32, usize),
    partials: &Tensor,
    (cache_rows, max_seq_len): (&Buffer, usize),
    y: &Tensor,
) {
    assert_eq!(plan.tokens_of_text(), 1, "attention_merge: tokens");
    assert!(split_len > 0, "attention_merge: split_len");
    assert!(
        partials.columns() >= plan.max_tokens() * shape.num_heads * max_splits * (shape.head_dim + 2),
        "attention_merge: columns of partials"
    );
    assert_eq!(y.columns(), shape.num_heads * shape.head_dim, "attention_merge: columns of y");
    assert!(max_seq_len > 0 && cache_rows.len() >= plan.max_tokens(), "attention_merge: cache_rows");
    assert!(y.rows() >= plan.max_tokens(), "attention_merge: rows of y");
    let (window, _) = shape.window_and_softcap("attention_merge");
    let params = Params {
        num_heads: shape.num_heads as u32,
        head_dim: shape.head_dim as u32,
        window,
        split_len,
        max_splits: max_splits as u32,
        y_stride: y.stride() as u32,
        max_seq_len: max_seq_len as u32,
    };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![partials.buffer().clone(), cache_rows.clone(), y.buffer().clone()],
        groups_per_block: shape.num_heads as u32 * groups_per_row(shape.head_dim),
        tokens_per_block: 1,
        // So many positions lie in one split.
        min_kv_len: split_len + 1,
    });
}
