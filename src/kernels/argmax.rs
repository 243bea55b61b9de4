//! `argmax`: the greatest element of each part of a row. It is the first stage of `top_k`.

use crate::cpu;
use crate::device::{Buffer, Tensor};
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::sweep::{Case, KernelSweep, cases};
use crate::kernels::{Plan, SearchShape};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    num_columns: u32,
    x_stride: u32,
    part_size: u32,
    num_parts: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "argmax",
    wgsl: include_str!("../../shaders/resolved/argmax.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite],
    twin,
    fast: twin,
    // The outputs are ids.
    tolerance: Tolerance::NONE,
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: cases::searches,
    set_up: |scene, case| {
        let logits = scene.logits(case)?;
        let ids = scene.inputs.output("ids", 1, logits.num_parts)?;
        argmax(&mut scene.plan, logits.shape, &logits.x, ids.tensor.buffer());
        Ok(vec![ids])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("id < ids[local]", "id > ids[local]", "the highest id of equals"),
        ("if magnitude == 0u", "if false", "minus zero below zero"),
        ("magnitude > 2139095040u ||", "", "NaN as a number"),
        ("4286578689u - bits", "bits", "negative numbers in the wrong order"),
        ("params.part_size, params.num_columns", "params.part_size, params.x_stride", "padding read"),
    ],
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [x, ids, ..] = &mut call.slots;
    cpu::argmax(
        call.batch.num_tokens as usize,
        (params.num_columns as usize, params.part_size as usize),
        (x.floats(), params.x_stride as usize),
        ids.words_mut(),
    );
}

/// Records `ids[t, p]`, the id of the greatest of `x[t]`, `[max_tokens, columns]`, among the columns of part `p`, and
/// of equals the lowest id. NaN and infinity come before all numbers. `ids` is `[num_tokens, num_parts]` words at the
/// start of a buffer.
///
/// # Panics
/// If `x` or a part has no column, or if a buffer is too small.
pub fn argmax(plan: &mut Plan, shape: SearchShape, x: &Tensor, ids: &Buffer) {
    let max_tokens = plan.max_tokens();
    assert!(x.columns() > 0 && shape.part_size > 0, "argmax: columns");
    let num_parts = shape.num_parts(x.columns());
    assert!(x.rows() >= max_tokens && ids.len() >= max_tokens * num_parts, "argmax: tokens");
    let params = Params {
        num_columns: x.columns() as u32,
        x_stride: x.stride() as u32,
        part_size: shape.part_size as u32,
        num_parts: num_parts as u32,
    };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: vec![("WORKGROUP_SIZE", f64::from(shape.workgroup_size))],
        buffers: vec![x.buffer().clone(), ids.clone()],
        groups_per_block: params.num_parts,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
