//! `attention_subgroups`: what `attention` computes, as software adapters are fastest with.

use super::attention::{self, Params};
use crate::cpu;
use crate::dispatch::{Kernel, Requires};

pub(super) static KERNEL: Kernel = Kernel {
    name: "attention_subgroups",
    wgsl: include_str!("../../shaders/resolved/attention_subgroups.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::subgroups(8),
    buffers: attention::BUFFERS,
    twin: |call| attention::compute(call, cpu::attention),
    fast: |call| attention::compute(call, cpu::fast::attention),
    tolerance: attention::TOLERANCE,
};
