//! `qk_norm`: scales each query head and each key head to a root mean square of 1.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::sweep::{Case, EPS, KernelSweep, Values, cases};
use crate::kernels::{AttentionShape, Plan};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    stride: u32,
    eps: f32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "qk_norm",
    wgsl: include_str!("../../shaders/resolved/qk_norm.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::qk_norm),
    fast: |call| compute(call, cpu::fast::qk_norm),
    // The tolerance of rms_norm. Measured on llvmpipe through Vulkan and GL: 2.4e-7 of 1.
    tolerance: Tolerance { atol: 3e-7, rtol: 1e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::heads(&[Values::Ordinary, Values::Large, Values::Small], &[1, 5, 65]),
    set_up: |scene, case| {
        let of = scene.attention(case)?;
        let qkv = scene.inputs.in_place("qkv", of.qkv(), |value| of.value(value))?;
        let (q_weight, k_weight) = scene.qk_weights(&of)?;
        qk_norm(&mut scene.plan, &of.shape, (&q_weight, &k_weight), EPS, &qkv.tensor);
        Ok(vec![qkv])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("head < params.num_heads", "head <= params.num_heads", "a key head with the queries' weight"),
        ("+ params.eps", "", "epsilon"),
    ],
};

fn compute(
    call: &mut Call<'_>,
    qk_norm: impl Fn(usize, (usize, usize, usize), f32, (&[f32], &[f32]), (&mut [f32], usize)),
) {
    let params: Params = call.params();
    let [q_weight, k_weight, qkv, ..] = &mut call.slots;
    qk_norm(
        call.batch.num_tokens as usize,
        (params.num_heads as usize, params.num_kv_heads as usize, params.head_dim as usize),
        params.eps,
        (q_weight.floats(), k_weight.floats()),
        (qkv.floats_mut(), params.stride as usize),
    );
}

/// Records the norm of queries and keys in `qkv`, `[max_tokens, qkv_size]`, in place; `q_weight`, `k_weight`: `[1,
/// head_dim]`.
///
/// # Panics
/// If the shapes disagree.
pub fn qk_norm(
    plan: &mut Plan,
    shape: &AttentionShape,
    (q_weight, k_weight): (&Tensor, &Tensor),
    eps: f32,
    qkv: &Tensor,
) {
    assert_eq!(qkv.columns(), shape.qkv_size(), "qk_norm: columns of qkv");
    assert_eq!(q_weight.columns(), shape.head_dim, "qk_norm: columns of q_weight");
    assert_eq!(k_weight.columns(), shape.head_dim, "qk_norm: columns of k_weight");
    assert!(qkv.rows() >= plan.max_tokens(), "qk_norm: tokens");
    let params = Params {
        num_heads: shape.num_heads as u32,
        num_kv_heads: shape.num_kv_heads as u32,
        head_dim: shape.head_dim as u32,
        stride: qkv.stride() as u32,
        eps,
    };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![q_weight.buffer().clone(), k_weight.buffer().clone(), qkv.buffer().clone()],
        groups_per_block: (shape.num_heads + shape.num_kv_heads) as u32,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
