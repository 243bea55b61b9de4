//! `select_rows`: `y[t] = x[first_row + t]`, so that logits are computed only for the rows asked for.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::elementwise::{self, Params};

pub(super) static KERNEL: Kernel = Kernel {
    name: "select_rows",
    wgsl: include_str!("../../shaders/resolved/select_rows.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin,
    fast: twin,
    // A copy; the smallest positive number keeps the ratio defined.
    tolerance: Tolerance { atol: f32::MIN_POSITIVE, rtol: 0.0 },
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
