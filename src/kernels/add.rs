//! `add`: `x += y`, the residual connection.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::elementwise::{self, Params};
use crate::kernels::sweep::{Case, KernelSweep, Padding, Scene, Values, cases};

pub(super) static KERNEL: Kernel = Kernel {
    name: "add",
    wgsl: include_str!("../../shaders/resolved/add.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin,
    fast: twin,
    // One f32 addition, for which WGSL allows either neighbour: 2^-23. Measured: equal.
    tolerance: Tolerance { atol: f32::MIN_POSITIVE, rtol: f32::EPSILON },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large]),
    set_up: |scene, case| {
        let rows = Scene::rows(case);
        let value = |value| rows.values.of(value);
        let y = scene.inputs.tensor("y", rows.sizes(), Padding::Poison, value)?;
        let x = scene.inputs.in_place("x", rows.sizes(), value)?;
        add(&mut scene.plan, &x.tensor, &y);
        Ok(vec![x])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("x[index] += y[index]", "x[index] -= y[index]", "another operator"),
        ("column >= params.columns", "column >= params.stride", "padding written"),
    ],
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [y, x, ..] = &mut call.slots;
    let num_tokens = call.batch.num_tokens as usize;
    cpu::add(num_tokens, params.columns as usize, params.stride as usize, y.floats(), x.floats_mut());
}

/// Records `x += y`; `x`, `y`: `[max_tokens, columns]`.
///
/// # Panics
/// If the shapes differ.
pub fn add(plan: &mut Plan, x: &Tensor, y: &Tensor) {
    elementwise::record(plan, &KERNEL, y, x);
}
