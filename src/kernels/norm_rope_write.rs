//! `norm_rope_write`: `qk_norm`, `rope` and `kv_write` in one kernel.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::sweep::{Case, EPS, KernelSweep, Values, cases};
use crate::kernels::{AttentionShape, Caches, Plan};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    num_heads: u32,
    num_kv_heads: u32,
    head_dim: u32,
    qkv_stride: u32,
    angles_stride: u32,
    kv_stride: u32,
    has_norm: u32,
    eps: f32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "norm_rope_write",
    wgsl: include_str!("../../shaders/resolved/norm_rope_write.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[
        Access::Read,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::ReadWrite,
        Access::ReadWrite,
        Access::ReadWrite,
    ],
    twin,
    fast: twin,
    // As rope's, for the results of qk_norm.
    tolerance: Tolerance { atol: 2e-6, rtol: 2e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || {
        let heads = cases::heads(&[Values::Ordinary, Values::Large, Values::Small], &[]);
        [heads, cases::texts()].concat()
    },
    set_up: |scene, case| {
        let of = scene.attention(case)?;
        let qkv = scene.inputs.in_place("qkv", of.qkv(), |value| of.value(value))?;
        let (q_weight, k_weight) = scene.qk_weights(&of)?;
        let angles = scene.angles(&of)?;
        let k_cache = scene.empty_cache("k_cache", &of)?;
        let v_cache = scene.empty_cache("v_cache", &of)?;
        let caches = of.caches(&k_cache.tensor, &v_cache.tensor);
        // The case says nothing of a norm. Cases with an even number of heads have one.
        let norm = of.shape.num_heads.is_multiple_of(2).then_some((&q_weight, &k_weight, EPS));
        norm_rope_write(&mut scene.plan, &of.shape, norm, &angles, &qkv.tensor, caches);
        Ok(vec![qkv, k_cache, v_cache])
    },
    atol_factor: Case::atol_factor_of_rotation,
    mistakes: &[
        ("+ params.eps", "", "epsilon"),
        ("select(k_weight[i], q_weight[i], is_query)", "q_weight[i]", "a key head with the queries' weight"),
        ("if params.has_norm != 0u", "if true", "normed without weights"),
        ("b * cosine + a * sine", "b * cosine - a * sine", "a reflection"),
        ("cache_rows[token]", "(cache_rows[0] + token)", "as if in one text"),
        ("(head - params.num_heads) * params.head_dim", "head * params.head_dim", "another head's place"),
        ("k_cache[k_start + half + i] = high;", "", "unwritten"),
    ],
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [angles, q_weight, k_weight, cache_rows, qkv, k_cache, v_cache, ..] = &mut call.slots;
    let norm = (params.has_norm != 0).then(|| (params.eps, (q_weight.floats(), k_weight.floats())));
    cpu::norm_rope_write(
        &cache_rows.words()[..call.batch.num_tokens as usize],
        cpu::Projections {
            num_heads: params.num_heads as usize,
            num_kv_heads: params.num_kv_heads as usize,
            head_dim: params.head_dim as usize,
            qkv_stride: params.qkv_stride as usize,
            kv_stride: params.kv_stride as usize,
        },
        norm,
        (angles.floats(), params.angles_stride as usize),
        qkv.floats_mut(),
        (k_cache.floats_mut(), v_cache.floats_mut()),
    );
}

/// Records three operations. It norms the queries and keys in `qkv`, `[max_tokens, qkv_size]`, if there are weights
/// `(q_weight, k_weight)`, `[1, head_dim]` each, with an epsilon. It rotates the queries and keys by `angles`,
/// `[max_tokens, head_dim]`, as [`crate::kernels::rope`] does. It copies keys and values into the tokens' rows of
/// `caches`. The norm and the rotation are in place.
///
/// # Panics
/// If the shapes disagree, or `head_dim` is odd.
pub fn norm_rope_write(
    plan: &mut Plan,
    shape: &AttentionShape,
    norm: Option<(&Tensor, &Tensor, f32)>,
    angles: &Tensor,
    qkv: &Tensor,
    caches: Caches<'_>,
) {
    assert_eq!(shape.head_dim % 2, 0, "norm_rope_write: head_dim");
    assert_eq!(qkv.columns(), shape.qkv_size(), "norm_rope_write: columns of qkv");
    assert_eq!(angles.columns(), shape.head_dim, "norm_rope_write: columns of angles");
    caches.check("norm_rope_write", plan, shape.kv_size());
    assert!(angles.rows() >= plan.max_tokens() && qkv.rows() >= plan.max_tokens(), "norm_rope_write: tokens");
    if let Some((q_weight, k_weight, _)) = norm {
        assert_eq!(q_weight.columns(), shape.head_dim, "norm_rope_write: columns of q_weight");
        assert_eq!(k_weight.columns(), shape.head_dim, "norm_rope_write: columns of k_weight");
    }
    let params = Params {
        num_heads: shape.num_heads as u32,
        num_kv_heads: shape.num_kv_heads as u32,
        head_dim: shape.head_dim as u32,
        qkv_stride: qkv.stride() as u32,
        angles_stride: angles.stride() as u32,
        kv_stride: caches.k_cache.stride() as u32,
        has_norm: u32::from(norm.is_some()),
        eps: norm.map_or(0.0, |(_, _, eps)| eps),
    };
    // A binding cannot be empty. Without a norm, the kernel does not read it.
    let (q_weight, k_weight) = norm.map_or((angles, angles), |(q_weight, k_weight, _)| (q_weight, k_weight));
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![
            angles.buffer().clone(),
            q_weight.buffer().clone(),
            k_weight.buffer().clone(),
            caches.cache_rows.clone(),
            qkv.buffer().clone(),
            caches.k_cache.buffer().clone(),
            caches.v_cache.buffer().clone(),
        ],
        groups_per_block: (shape.num_heads + 2 * shape.num_kv_heads) as u32,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
