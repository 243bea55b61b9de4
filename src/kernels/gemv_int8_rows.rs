//! `gemv_int8_rows`: what `gemv_int8` computes, with whole rows in every thread.

use crate::kernels::gemv_int8::compute;
use crate::kernels::product::{BUFFERS, Params, TOLERANCE};
use crate::kernels::{Kernel, Requires};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv_int8_rows",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemv_int8_rows.wgsl")),
    params_bytes: size_of::<Params>(),
    requires: Requires::subgroups(8),
    buffers: &BUFFERS,
    twin: compute,
    fast: compute,
    tolerance: TOLERANCE,
};
