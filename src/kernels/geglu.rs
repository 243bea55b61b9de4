//! `geglu`: `y = gelu_tanh(gate) * value`.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::gated::{self, Params};
use crate::kernels::sweep::{Case, KernelSweep, Padding, Rows, SPARE_ROWS, Scene, Values, cases};

pub(super) static KERNEL: Kernel = Kernel {
    name: "geglu",
    wgsl: include_str!("../../shaders/resolved/geglu.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::geglu),
    fast: |call| compute(call, cpu::fast::geglu),
    // The error of gelu_tanh times the value. It is largest where 1 + tanh rounds to 0. Measured on llvmpipe through
    // Vulkan and GL: 2.2e-6, at gates below -5 with values around 8.
    tolerance: Tolerance { atol: 1.5e-5, rtol: 5e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large]),
    set_up: |scene, case| {
        let Rows { num_tokens, columns, values } = Scene::rows(case);
        let factor = if values == Values::Large { 100.0 } else { 8.0 };
        let sizes = (num_tokens + SPARE_ROWS, num_tokens, 2 * columns);
        let x = scene.inputs.tensor("x", sizes, Padding::Poison, |value| factor * value)?;
        let y = scene.inputs.output("y", sizes.0, columns)?;
        geglu(&mut scene.plan, &x, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("x[start + params.columns]", "x[start]", "the gate for the value"),
        ("0.044715", "0.0447", "a coefficient"),
    ],
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
