//! `gemv_rows`: what `gemv` computes, with whole rows in every thread; what software adapters are fastest with.

use crate::kernels::Kernel;
use crate::kernels::gemv::{BUFFERS, twin};
use crate::kernels::product::{Params, TOLERANCE};

/// Recorded by [`crate::kernels::project_shaped`].
pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv_rows",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/gemv_rows.wgsl")),
    params_bytes: size_of::<Params>(),
    min_subgroup_size: 8,
    buffers: &BUFFERS,
    twin,
    tolerance: TOLERANCE,
};
