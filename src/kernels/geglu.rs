//! `geglu`: `y = gelu_tanh(gate) * value`.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::gated::{self, Params};

pub(super) static KERNEL: Kernel = Kernel {
    name: "geglu",
    wgsl: include_str!("../../shaders/resolved/geglu.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::geglu),
    fast: |call| compute(call, cpu::fast::geglu),
    // As gelu_tanh's, times the value: where 1 + tanh rounds to 0, something is lost. Measured on llvmpipe through Vulkan
    // and GL: 2.2e-6, at gates below -5 with values around 8.
    tolerance: Tolerance { atol: 1.5e-5, rtol: 5e-6 },
};

fn compute(call: &mut Call<'_>, geglu: impl Fn(usize, usize, (&[f32], usize), (&mut [f32], usize))) {
    let params: Params = call.params();
    let [x, y, ..] = &mut call.slots;
    geglu(
        call.batch.num_tokens as usize,
        params.columns as usize,
        (x.floats(), params.x_stride as usize),
        (y.floats_mut(), params.y_stride as usize),
    );
}

/// Records `y = gelu_tanh(gate) * value`; `x`, `[max_tokens, 2 * columns]`, holds gates, then values; `y`:
/// `[max_tokens, columns]`.
///
/// # Panics
/// If the shapes disagree.
pub fn geglu(plan: &mut Plan, x: &Tensor, y: &Tensor) {
    gated::record(plan, &KERNEL, x, y);
}
