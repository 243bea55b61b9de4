//! `attention_probs`: computes the attention weights for a capture.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::sweep::{Case, KernelSweep, Padding, SPARE_ROWS, cases};
use crate::kernels::{AttentionShape, Plan};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    qkv_stride: u32,
    kv_stride: u32,
    columns: u32,
    scale: f32,
    window: u32,
    softcap: f32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "attention_probs",
    wgsl: include_str!("../../shaders/resolved/attention_probs.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::attention_probs),
    fast: |call| compute(call, cpu::fast::attention_probs),
    // The error of exp's argument is relative to the weights. Measured on llvmpipe through Vulkan and GL, for scores of
    // tens: 1.4e-6 of 0.33, and of 0.16 if these are capped at 50, which multiplies the rounding of tanh.
    tolerance: Tolerance { atol: 1e-6, rtol: 4e-5 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::attended(false),
    set_up: |scene, case| {
        let of = scene.attention(case)?;
        let qkv = scene.inputs.tensor("qkv", of.qkv(), Padding::Poison, |value| of.value(value))?;
        let columns = of.kv_len + SPARE_ROWS;
        let cache = (columns, of.kv_len, of.shape.kv_size());
        let k_cache = scene.inputs.tensor("k_cache", cache, Padding::Poison, |value| value)?;
        let probs = scene.inputs.output("probs", 1, of.rows * of.shape.num_heads * columns)?;
        attention_probs(&mut scene.plan, &of.shape, &qkv, &k_cache, columns, &probs.tensor);
        Ok(vec![probs])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("min(kv_len, params.window)", "min(kv_len, params.window - 1u)", "a window that is one too narrow"),
        ("j < first || j >= kv_len", "j >= kv_len", "unwritten before the window"),
        ("return params.softcap * tanh", "return tanh", "capped at 1"),
        ("probs[row + j] = 0.0;", "", "unwritten"),
        ("product * params.scale", "product", "scale"),
    ],
};

fn compute(
    call: &mut Call<'_>,
    attention_probs: impl Fn((usize, usize), cpu::Heads, (&[f32], &[f32]), usize, &mut [f32]),
) {
    let params: Params = call.params();
    let [qkv, k_cache, probs, ..] = &mut call.slots;
    let heads = cpu::Heads {
        num_heads: params.num_heads as usize,
        num_kv_heads: params.num_kv_heads as usize,
        head_dim: params.head_dim as usize,
        qkv_stride: params.qkv_stride as usize,
        kv_stride: params.kv_stride as usize,
        scale: params.scale,
        window: params.window as usize,
        softcap: params.softcap,
    };
    attention_probs(
        (call.batch.position as usize, call.batch.num_tokens as usize),
        heads,
        (qkv.floats(), k_cache.floats()),
        params.columns as usize,
        probs.floats_mut(),
    );
}

/// Records the attention weights of `qkv`, `[max_tokens, qkv_size]`, over `k_cache`, `[max_seq_len, kv_size]`, into
/// `probs`, one row of `max_tokens * num_heads * columns`.
///
/// # Panics
/// If the shapes disagree, or if the window or the cap is not above 0.
pub fn attention_probs(
    plan: &mut Plan,
    shape: &AttentionShape,
    qkv: &Tensor,
    k_cache: &Tensor,
    columns: usize,
    probs: &Tensor,
) {
    assert_eq!(shape.num_heads % shape.num_kv_heads, 0, "attention_probs: heads");
    assert_eq!(qkv.columns(), shape.qkv_size(), "attention_probs: columns of qkv");
    assert_eq!(k_cache.columns(), shape.kv_size(), "attention_probs: columns of k_cache");
    assert!(
        probs.columns() >= plan.max_tokens() * shape.num_heads * columns,
        "attention_probs: size of probs"
    );
    assert!(qkv.rows() >= plan.max_tokens(), "attention_probs: tokens");
    let (window, softcap) = shape.window_and_softcap("attention_probs");
    let params = Params {
        num_heads: shape.num_heads as u32,
        num_kv_heads: shape.num_kv_heads as u32,
        head_dim: shape.head_dim as u32,
        qkv_stride: qkv.stride() as u32,
        kv_stride: k_cache.stride() as u32,
        columns: columns as u32,
        scale: shape.scale,
        window,
        softcap,
    };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![qkv.buffer().clone(), k_cache.buffer().clone(), probs.buffer().clone()],
        groups_per_block: shape.num_heads as u32,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
