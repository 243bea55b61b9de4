//! `gelu_tanh`: `y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))`.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::elementwise::{self, Params};
use crate::kernels::sweep::{Case, KernelSweep, Padding, Scene, Values, cases};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gelu_tanh",
    wgsl: include_str!("../../shaders/resolved/gelu_tanh.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::gelu_tanh),
    fast: |call| compute(call, cpu::fast::gelu_tanh),
    // Measured on llvmpipe through Vulkan and GL: 3e-7 near x = -5, where 1 + tanh has no digits left. WGSL lets a
    // driver compute tanh from exp, which loses a few more digits.
    tolerance: Tolerance { atol: 2e-6, rtol: 5e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large]),
    set_up: |scene, case| {
        let rows = Scene::rows(case);
        let x =
            scene.inputs.tensor("x", rows.sizes(), Padding::Poison, |value| 8.0 * rows.values.of(value))?;
        let y = scene.inputs.output("y", rows.sizes().0, rows.columns)?;
        gelu_tanh(&mut scene.plan, &x, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[("0.044715", "0.0447", "a coefficient")],
};

fn compute(call: &mut Call<'_>, gelu_tanh: impl Fn(usize, usize, usize, &[f32], &mut [f32])) {
    let params: Params = call.params();
    let [x, y, ..] = &mut call.slots;
    let num_tokens = call.batch.num_tokens as usize;
    gelu_tanh(num_tokens, params.columns as usize, params.stride as usize, x.floats(), y.floats_mut());
}

/// Records `y = gelu(x)`; `x`, `y`: `[max_tokens, columns]`.
///
/// # Panics
/// If the shapes differ.
pub fn gelu_tanh(plan: &mut Plan, x: &Tensor, y: &Tensor) {
    elementwise::record(plan, &KERNEL, x, y);
}
