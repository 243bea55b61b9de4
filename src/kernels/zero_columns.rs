//! `zero_columns`: `x[t, c] = 0` for some columns. It removes the output of heads that are left out.

use std::ops::Range;

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::elementwise::groups_per_row;
use crate::kernels::sweep::{Case, KernelSweep, Scene, Values, cases};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    first_column: u32,
    num_columns: u32,
    stride: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "zero_columns",
    wgsl: include_str!("../../shaders/resolved/zero_columns.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::ReadWrite],
    twin,
    fast: twin,
    // Zeros. The smallest positive number keeps the ratio defined.
    tolerance: Tolerance { atol: f32::MIN_POSITIVE, rtol: 0.0 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large]),
    set_up: |scene, case| {
        let rows = Scene::rows(case);
        let x = scene.inputs.in_place("x", rows.sizes(), |value| rows.values.of(value))?;
        // All columns of a row, or some that leave others on both sides.
        let some = rows.columns / 3..rows.columns - rows.columns / 5;
        let columns = if rows.num_tokens == 2 { some } else { 0..rows.columns };
        zero_columns(&mut scene.plan, &x.tensor, columns);
        Ok(vec![x])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("params.first_column + column", "column", "the row's first columns"),
        ("column >= params.num_columns", "column > params.num_columns", "a column too many"),
    ],
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [x, ..] = &mut call.slots;
    let first = params.first_column as usize;
    let columns = first..first + params.num_columns as usize;
    cpu::zero_columns(call.batch.num_tokens as usize, columns, params.stride as usize, x.floats_mut());
}

/// Records `x[t, c] = 0` for `c` in `columns`; `x`: `[max_tokens, stride]`.
///
/// # Panics
/// If `x` has too few rows or columns, or `columns` is empty.
pub fn zero_columns(plan: &mut Plan, x: &Tensor, columns: Range<usize>) {
    assert!(!columns.is_empty() && columns.end <= x.columns(), "zero_columns: columns");
    assert!(x.rows() >= plan.max_tokens(), "zero_columns: tokens");
    let params = Params {
        first_column: columns.start as u32,
        num_columns: columns.len() as u32,
        stride: x.stride() as u32,
    };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![x.buffer().clone()],
        groups_per_block: groups_per_row(columns.len()),
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
