//! `gemv_rows`: `y = weight x + bias` with whole rows in every thread; what software adapters are fastest with.

use crate::cpu;
use crate::kernels::gemv::{self, GemvShape, Params};
use crate::kernels::{Access, Kernel, Plan};
use crate::tensor::{Matrix, Tensor};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv_rows",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemv_rows.wgsl")),
    params_bytes: size_of::<Params>(),
    min_subgroup_size: 8,
    buffers: &[Access::Read, Access::Read, Access::Read, Access::ReadWrite],
    twin: |call| gemv::compute(call, cpu::gemv),
    fast: |call| gemv::compute(call, cpu::fast::gemv),
    tolerance: gemv::TOLERANCE,
};

/// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`]. `shape.threads_per_row` is 1.
///
/// # Panics
/// If the shapes disagree.
pub(super) fn gemv_rows(
    plan: &mut Plan,
    shape: GemvShape,
    x: &Tensor,
    weight: &Matrix,
    bias: Option<&Tensor>,
    y: &Tensor,
) {
    assert_eq!(shape.threads_per_row, 1, "gemv_rows: threads of a row");
    let constants = vec![
        ("WORKGROUP_SIZE", f64::from(shape.workgroup_size)),
        ("ROWS_PER_THREAD", f64::from(shape.rows_per_thread)),
    ];
    let rows_per_group = (shape.workgroup_size * shape.rows_per_thread) as usize;
    gemv::record(plan, &KERNEL, (x, weight, bias, y), constants, (rows_per_group, 1));
}
