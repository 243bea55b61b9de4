//! `gemv_rows`: what `gemv` computes, with whole rows in every thread; what software adapters are fastest with.
//! [`crate::kernels::gemv_fused`] records it where a [`crate::kernels::GemvShape`] says so.

use crate::cpu;
use crate::dispatch::{Kernel, Requires};
use crate::kernels::gemv::{BUFFERS, compute};
use crate::kernels::matmul::{Params, TOLERANCE};

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
