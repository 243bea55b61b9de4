//! `attention_merge`: merges the partial results of `attention` over the splits of a long sequence.

use crate::cpu;
use crate::device::{Buffer, Tensor};
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::elementwise::groups_per_row;
use crate::kernels::sweep::{Case, KernelSweep, Padding, cases};
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
    // An average of the splits' results with a few roundings. Measured on llvmpipe through Vulkan and GL: 7e-7 of 1.06.
    tolerance: Tolerance { atol: 2e-6, rtol: 4e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || [cases::splits(), cases::texts()].concat(),
    set_up: |scene, case| {
        let of = scene.attention(case)?;
        let split_len = of.tile.split_len.unwrap_or(1);
        let max_splits = of.kv_len.div_ceil(split_len as usize).max(2);
        let size = of.num_tokens * of.shape.num_heads * max_splits * (of.shape.head_dim + 2);
        // Sums of weights are positive.
        let positive = |value| of.value(value).abs();
        let partials = scene.inputs.tensor("partials", (1, 1, size), Padding::Poison, positive)?;
        let y = scene.inputs.output("y", of.rows, of.shape.num_heads * of.shape.head_dim)?;
        let cache = (&of.cache_rows, of.max_seq_len);
        attention_merge(&mut scene.plan, &of.shape, (split_len, max_splits), &partials, cache, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("(token * params.num_heads + head)", "head", "the first token's splits"),
        ("token * params.y_stride + head", "head", "into the first token's row"),
        ("- first / params.split_len", "", "splits before the window"),
        ("if num_splits == 1u", "if false", "one split merged"),
        ("rescale * partials[of_split + channel]", "partials[of_split + channel]", "not rescaled"),
    ],
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
/// `[max_tokens, num_heads * head_dim]`. Splits have `split_len` positions. The rows of the tokens in the KV cache are
/// `cache_rows`, and each sequence has `max_seq_len` rows.
///
/// # Panics
/// If the shapes disagree, or if a pass may have several tokens of a sequence.
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
        // A sequence of up to `split_len` positions has one split.
        min_kv_len: split_len + 1,
    });
}
