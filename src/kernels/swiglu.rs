//! `swiglu`: `y = silu(gate) * value`.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::gated::{self, Params};

pub(super) static KERNEL: Kernel = Kernel {
    name: "swiglu",
    wgsl: include_str!("../../shaders/resolved/swiglu.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::swiglu),
    fast: |call| compute(call, cpu::fast::swiglu),
    // Measured on llvmpipe through Vulkan and GL: 2.4e-7 of 0.75. WGSL lets a driver's exp be off by twice its argument in
    // roundings, which counts where the gate is between -10 and 10.
    tolerance: Tolerance { atol: 5e-7, rtol: 3e-6 },
};

fn compute(call: &mut Call<'_>, swiglu: impl Fn(usize, usize, (&[f32], usize), (&mut [f32], usize))) {
    let params: Params = call.params();
    let [x, y, ..] = &mut call.slots;
    swiglu(
        call.batch.num_tokens as usize,
        params.columns as usize,
        (x.floats(), params.x_stride as usize),
        (y.floats_mut(), params.y_stride as usize),
    );
}

/// Records `y = silu(gate) * value`; `x`, `[max_tokens, 2 * columns]`, holds gates, then values; `y`:
/// `[max_tokens, columns]`.
///
/// # Panics
/// If the shapes disagree.
pub fn swiglu(plan: &mut Plan, x: &Tensor, y: &Tensor) {
    gated::record(plan, &KERNEL, x, y);
}
