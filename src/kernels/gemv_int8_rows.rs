//! `gemv_int8_rows`: what `gemv_int8` computes, with whole rows in every thread.

use crate::kernels::Kernel;
use crate::kernels::gemv_int8::compute;
use crate::kernels::product::{BUFFERS, Params, TOLERANCE};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv_int8_rows",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemv_int8_rows.wgsl")),
    params_bytes: size_of::<Params>(),
    min_subgroup_size: 8,
    buffers: &BUFFERS,
    twin: compute,
    fast: compute,
    tolerance: TOLERANCE,
};
