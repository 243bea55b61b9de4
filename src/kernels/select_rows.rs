//! `select_rows`: `y[t] = x[first_row + t]`, so that logits are computed only for requested rows.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::elementwise::{self, Params};
use crate::kernels::sweep::{Case, KernelSweep, Padding, Rows, SPARE_ROWS, Scene, Values, cases};

pub(super) static KERNEL: Kernel = Kernel {
    name: "select_rows",
    wgsl: include_str!("../../shaders/resolved/select_rows.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin,
    fast: twin,
    // A copy. The smallest positive number keeps the ratio defined.
    tolerance: Tolerance { atol: f32::MIN_POSITIVE, rtol: 0.0 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large]),
    set_up: |scene, case| {
        const FIRST_ROW: usize = 2;
        let Rows { num_tokens, columns, values } = Scene::rows(case);
        scene.batch.first_row = FIRST_ROW as u32;
        let filled = FIRST_ROW + num_tokens;
        let sizes = (filled + SPARE_ROWS, filled, columns);
        let x = scene.inputs.tensor("x", sizes, Padding::Poison, |value| values.of(value))?;
        let y = scene.inputs.output("y", num_tokens + SPARE_ROWS, columns)?;
        select_rows(&mut scene.plan, &x, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[("batch.first_row + token", "token", "row")],
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [x, y, ..] = &mut call.slots;
    cpu::select_rows(
        call.batch.num_tokens as usize,
        call.batch.first_row as usize,
        params.columns as usize,
        params.stride as usize,
        x.floats(),
        y.floats_mut(),
    );
}

/// Records `y[t] = x[batch.first_row + t]`; `x`: `[rows, columns]`, `y`: `[max_tokens, columns]`.
///
/// # Panics
/// If the columns differ.
pub fn select_rows(plan: &mut Plan, x: &Tensor, y: &Tensor) {
    elementwise::record(plan, &KERNEL, x, y);
}
