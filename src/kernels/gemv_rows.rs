//! `gemv_rows`: computes the same as `gemv`. Each thread has whole rows. It is the fastest kernel on software adapters.
//! [`crate::kernels::gemv_fused`] records it if a [`crate::kernels::GemvShape`] says so.

use super::gemv;
use crate::cpu;
use crate::dispatch::{Kernel, Requires};
use crate::format::Format;
use crate::kernels::GemvShape;
use crate::kernels::gemv::{BUFFERS, compute};
use crate::kernels::matmul::{Params, TOLERANCE};
use crate::kernels::sweep::{Case, KernelSweep, cases};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv_rows",
    wgsl: include_str!("../../shaders/resolved/gemv_rows.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::subgroups(8),
    buffers: &BUFFERS,
    twin: |call| compute(call, cpu::gemv),
    fast: |call| compute(call, cpu::fast::gemv),
    tolerance: TOLERANCE,
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || {
        let shapes = [GemvShape::new(32, 1, 2), GemvShape::new(64, 1, 1), GemvShape::new(8, 1, 4)]
            .map(|shape| GemvShape { shares_x: true, ..shape });
        let mut cases = cases::products(&Format::ALL, &[(1, 1), (1, 31), (2, 33)], &shapes.map(Some));
        cases.extend(cases::projections(&cases::FORMATS, &cases::NORMS, &shapes));
        cases
    },
    set_up: gemv::set_up,
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("subgroupBroadcast(mine, 6u)", "subgroupBroadcast(mine, 5u)", "another lane's part of x"),
        ("row_start(first_column, 1u)", "row_start(first_column, 0u)", "a row twice"),
        ("s.y * part.sum", "s.y", "an offset that is not multiplied"),
    ],
};
