//! `rope`: rotates queries and keys by their position.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::elementwise::groups_per_row;
use crate::kernels::sweep::{Case, KernelSweep, Values, cases};
use crate::kernels::{AttentionShape, Plan};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    num_heads: u32,
    head_dim: u32,
    stride: u32,
    angles_stride: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "rope",
    wgsl: include_str!("../../shaders/resolved/rope.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::rope),
    fast: |call| compute(call, cpu::fast::rope),
    // Two products and a difference of numbers around 1, which may cancel.
    // Measured on llvmpipe through Vulkan and GL: 1.2e-7 of 1.
    tolerance: Tolerance { atol: 5e-7, rtol: 5e-7 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::heads(&[Values::Ordinary, Values::Large], &[]),
    set_up: |scene, case| {
        let of = scene.attention(case)?;
        let qkv = scene.inputs.in_place("qkv", of.qkv(), |value| of.value(value))?;
        let angles = scene.angles(&of)?;
        rope(&mut scene.plan, &of.shape, &angles, &qkv.tensor);
        Ok(vec![qkv])
    },
    atol_factor: Case::atol_factor_of_rotation,
    mistakes: &[
        ("b * cosine + a * sine", "b * cosine - a * sine", "a reflection"),
        ("angles[token * params.angles_stride + i]", "angles[i]", "the first token's angle"),
    ],
};

fn compute(call: &mut Call<'_>, rope: impl Fn(usize, (usize, usize), (&[f32], usize), (&mut [f32], usize))) {
    let params: Params = call.params();
    let [angles, qkv, ..] = &mut call.slots;
    rope(
        call.batch.num_tokens as usize,
        (params.num_heads as usize, params.head_dim as usize),
        (angles.floats(), params.angles_stride as usize),
        (qkv.floats_mut(), params.stride as usize),
    );
}

/// Records the rotation of queries and keys in `qkv`, `[max_tokens, qkv_size]`, in place. `angles`, `[max_tokens,
/// head_dim]`, has `head_dim / 2` cosines for each token, and then as many sines.
///
/// # Panics
/// If the shapes disagree, or `head_dim` is odd.
pub fn rope(plan: &mut Plan, shape: &AttentionShape, angles: &Tensor, qkv: &Tensor) {
    assert_eq!(shape.head_dim % 2, 0, "rope: head_dim");
    assert_eq!(qkv.columns(), shape.qkv_size(), "rope: columns of qkv");
    assert_eq!(angles.columns(), shape.head_dim, "rope: columns of angles");
    assert!(angles.rows() >= plan.max_tokens() && qkv.rows() >= plan.max_tokens(), "rope: tokens");
    let num_heads = shape.num_heads + shape.num_kv_heads;
    let params = Params {
        num_heads: num_heads as u32,
        head_dim: shape.head_dim as u32,
        stride: qkv.stride() as u32,
        angles_stride: angles.stride() as u32,
    };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![angles.buffer().clone(), qkv.buffer().clone()],
        groups_per_block: groups_per_row(num_heads * shape.head_dim / 2),
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
