//! `swiglu`: `y = silu(gate) * value`.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::gated::{self, Params};
use crate::kernels::sweep::{Case, KernelSweep, Padding, Rows, SPARE_ROWS, Scene, Values, cases};

pub(super) static KERNEL: Kernel = Kernel {
    name: "swiglu",
    wgsl: include_str!("../../shaders/resolved/swiglu.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::swiglu),
    fast: |call| compute(call, cpu::fast::swiglu),
    // Measured on llvmpipe through Vulkan and GL: 2.4e-7 of 0.75. WGSL allows an error of exp in proportion to its
    // argument, which counts for gates between -10 and 10.
    tolerance: Tolerance { atol: 5e-7, rtol: 3e-6 },
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
        swiglu(&mut scene.plan, &x, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("exp(-clamp", "exp(clamp", "sign"),
        ("column >= params.columns", "column >= params.y_stride", "padding written"),
    ],
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
