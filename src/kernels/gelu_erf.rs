//! `gelu_erf`: `y = x / 2 * (1 + erf(x / sqrt(2)))`.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::elementwise::{self, Params};
use crate::kernels::sweep::{Case, KernelSweep, Padding, Scene, Values, cases};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gelu_erf",
    wgsl: include_str!("../../shaders/resolved/gelu_erf.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::gelu_erf),
    fast: |call| compute(call, cpu::fast::gelu_erf),
    // The polynomial's 1.5e-7 times x / 2, and the rounding of 1 + erf for negative x. Measured on llvmpipe through
    // Vulkan and GL: 2.6e-7 at x = -3.
    tolerance: Tolerance { atol: 1e-6, rtol: 1e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large]),
    set_up: |scene, case| {
        let rows = Scene::rows(case);
        let x =
            scene.inputs.tensor("x", rows.sizes(), Padding::Poison, |value| 8.0 * rows.values.of(value))?;
        let y = scene.inputs.output("y", rows.sizes().0, rows.columns)?;
        gelu_erf(&mut scene.plan, &x, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[("0.254829592", "0.254929592", "a coefficient")],
};

fn compute(call: &mut Call<'_>, gelu_erf: impl Fn(usize, usize, usize, &[f32], &mut [f32])) {
    let params: Params = call.params();
    let [x, y, ..] = &mut call.slots;
    let num_tokens = call.batch.num_tokens as usize;
    gelu_erf(num_tokens, params.columns as usize, params.stride as usize, x.floats(), y.floats_mut());
}

/// Records `y = gelu(x)`; `x`, `y`: `[max_tokens, columns]`.
///
/// # Panics
/// If the shapes differ.
pub fn gelu_erf(plan: &mut Plan, x: &Tensor, y: &Tensor) {
    elementwise::record(plan, &KERNEL, x, y);
}
