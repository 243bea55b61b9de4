//! `softcap`: `x = cap * tanh(x / cap)`.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::elementwise::groups_per_row;

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    columns: u32,
    stride: u32,
    cap: f32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "softcap",
    wgsl: include_str!("../../shaders/resolved/softcap.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::ReadWrite],
    twin: |call| compute(call, cpu::softcap),
    fast: |call| compute(call, cpu::fast::softcap),
    // The cap times the rounding of tanh. Measured on llvmpipe through Vulkan and GL: 2.8e-6 of 0.95, with a cap of 30.
    // WGSL lets a driver build tanh from exp, which costs others a few digits more.
    tolerance: Tolerance { atol: 1e-5, rtol: 1e-5 },
};

fn compute(call: &mut Call<'_>, softcap: impl Fn(usize, usize, usize, f32, &mut [f32])) {
    let params: Params = call.params();
    let [x, ..] = &mut call.slots;
    let num_tokens = call.batch.num_tokens as usize;
    softcap(num_tokens, params.columns as usize, params.stride as usize, params.cap, x.floats_mut());
}

/// Records `x = cap * tanh(x / cap)`; `x`: `[max_tokens, columns]`.
///
/// # Panics
/// If `x` has too few rows, or `cap` is not above 0.
pub fn softcap(plan: &mut Plan, cap: f32, x: &Tensor) {
    assert!(cap > 0.0, "softcap: cap");
    assert!(x.rows() >= plan.max_tokens(), "softcap: tokens");
    let params = Params { columns: x.columns() as u32, stride: x.stride() as u32, cap };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![x.buffer().clone()],
        groups_per_block: groups_per_row(x.columns()),
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
