//! `attention_subgroups`: computes the same as `attention`. It is the fastest kernel on software adapters.

use super::attention::{self, Params};
use crate::cpu;
use crate::dispatch::{Kernel, Requires};
use crate::kernels::sweep::{Case, KernelSweep, cases};

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

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::attended(true),
    set_up: |scene, case| attention::set_up(scene, case, true),
    atol_factor: Case::atol_factor_of_partials,
    mistakes: &[
        ("subgroupBroadcast(mine, 6u)", "subgroupBroadcast(mine, 5u)", "another lane's query"),
        ("subgroupMax(new_max.low)", "new_max.low", "a maximum for each lane"),
        ("subgroupAdd(sums.high)", "sums.high", "a sum for each lane"),
        ("values[vectors + mine] * low_rescale.y", "values[vectors + mine]", "not rescaled"),
        ("subgroupBroadcast(mine.high, 3u), v3", "subgroupBroadcast(mine.high, 3u), v2", "values"),
        ("max(chunk, start / STEP * STEP)", "chunk + STEP", "positions left out"),
    ],
};
