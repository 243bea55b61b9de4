//! `kv_write`: copies keys and values of new tokens into the KV cache.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::elementwise::groups_per_row;
use crate::kernels::sweep::{Case, KernelSweep, Padding, cases};
use crate::kernels::{Caches, Plan};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    q_size: u32,
    kv_size: u32,
    qkv_stride: u32,
    kv_stride: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "kv_write",
    wgsl: include_str!("../../shaders/resolved/kv_write.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::Read, Access::ReadWrite, Access::ReadWrite],
    twin,
    fast: twin,
    // A copy. The smallest positive number keeps the ratio defined.
    tolerance: Tolerance { atol: f32::MIN_POSITIVE, rtol: 0.0 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || [cases::attention(), cases::texts()].concat(),
    set_up: |scene, case| {
        let of = scene.attention(case)?;
        let qkv = scene.inputs.tensor("qkv", of.qkv(), Padding::Poison, |value| of.value(value))?;
        let k_cache = scene.empty_cache("k_cache", &of)?;
        let v_cache = scene.empty_cache("v_cache", &of)?;
        kv_write(&mut scene.plan, &qkv, of.caches(&k_cache.tensor, &v_cache.tensor));
        Ok(vec![k_cache, v_cache])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[("cache_rows[token]", "cache_rows[0]", "all tokens in the first one's row")],
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [qkv, cache_rows, k_cache, v_cache, ..] = &mut call.slots;
    cpu::kv_write(
        &cache_rows.words()[..call.batch.num_tokens as usize],
        (params.q_size as usize, params.kv_size as usize),
        (qkv.floats(), params.qkv_stride as usize),
        (k_cache.floats_mut(), v_cache.floats_mut(), params.kv_stride as usize),
    );
}

/// Records the copy of keys and values from `qkv`, `[max_tokens, q_size + 2 * kv_size]`, into the tokens' rows of
/// `caches`.
///
/// # Panics
/// If the shapes disagree.
pub fn kv_write(plan: &mut Plan, qkv: &Tensor, caches: Caches<'_>) {
    let kv_size = caches.k_cache.columns();
    caches.check("kv_write", plan, kv_size);
    assert!(qkv.columns() > 2 * kv_size, "kv_write: columns of qkv");
    assert!(qkv.rows() >= plan.max_tokens(), "kv_write: tokens");
    let params = Params {
        q_size: (qkv.columns() - 2 * kv_size) as u32,
        kv_size: kv_size as u32,
        qkv_stride: qkv.stride() as u32,
        kv_stride: caches.k_cache.stride() as u32,
    };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![
            qkv.buffer().clone(),
            caches.cache_rows.clone(),
            caches.k_cache.buffer().clone(),
            caches.v_cache.buffer().clone(),
        ],
        groups_per_block: groups_per_row(kv_size),
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
