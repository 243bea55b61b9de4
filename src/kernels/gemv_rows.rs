//! `gemv_rows`: `y = weight x + bias` with whole rows in every thread; what software adapters are fastest with. [`crate::kernels::gemv`]
//! records it where a [`crate::kernels::GemvShape`] says so.

use crate::cpu;
use crate::kernels::gemv::{self, Params};
use crate::kernels::{Access, Kernel};

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
