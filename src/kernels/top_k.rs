//! `top_k`: finds the greatest logits, so that the others can stay on the device.

use super::argmax;
use crate::cpu::{self, DeviceSampling};
use crate::device::{Buffer, Tensor};
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::sweep::{Case, KernelSweep, cases};
use crate::kernels::{Plan, SearchShape};

/// The most candidates that [`top_k`] finds.
pub const MAX_CANDIDATES: usize = 128;

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    num_columns: u32,
    x_stride: u32,
    part_size: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "top_k",
    wgsl: include_str!("../../shaders/resolved/top_k.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::Read, Access::Read, Access::ReadWrite],
    twin,
    fast: twin,
    // The outputs are ids and copies of logits.
    tolerance: Tolerance::NONE,
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: cases::searches,
    set_up: |scene, case| {
        let logits = scene.logits(case)?;
        let (_, choosing) = scene.candidates(&logits)?;
        let parts = scene.inputs.output("parts", 1, logits.num_parts)?;
        let found = scene.inputs.output("found", 1, logits.rows * FOUND_WORDS)?;
        let (parts_words, found_words) = (parts.tensor.buffer(), found.tensor.buffer());
        top_k(&mut scene.plan, logits.shape, &logits.x, &choosing, parts_words, found_words);
        Ok(vec![parts, found])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("key == found_key && id > found_id", "false", "one of equals"),
        ("id < ids[local]", "id > ids[local]", "the highest id of equals"),
        ("if magnitude == 0u", "if false", "minus zero below zero"),
        ("head_keys[part] = keys[0]", "head_keys[part] = 0u", "one of each part"),
        ("params.part_size, params.num_columns", "params.part_size, params.x_stride", "padding read"),
        ("1u + rank] =", "rank] =", "in the place of the choice"),
        ("if found_key > 0u", "if true", "a number where nothing is left"),
    ],
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let num_tokens = call.batch.num_tokens as usize;
    let [x, _, choosing, found, ..] = &mut call.slots;
    let choosing: &[DeviceSampling] = bytemuck::cast_slice(choosing.words());
    cpu::top_k(
        choosing.iter().take(num_tokens).map(|how| how.count as usize),
        params.num_columns as usize,
        (x.floats(), params.x_stride as usize),
        (found.words_mut(), MAX_CANDIDATES),
    );
}

/// The words of a token's result. [`super::choose`] writes the two words of its choice, and [`top_k`] the candidates
/// after it, each with its id and its bits.
pub const FOUND_WORDS: usize = 2 * (1 + MAX_CANDIDATES);

/// Records the search for the greatest elements of each row of `x`, `[max_tokens, columns]`. `choosing` has a
/// [`DeviceSampling`] for each token, which gives their number. The first stage finds the greatest of each part of the
/// columns, and writes its id into `parts`, `[max_tokens, num_parts]` words. The second stage searches these and the
/// parts that they are from, and writes the result into `found`, `[max_tokens, FOUND_WORDS]`. The greatest comes first,
/// and of equals the lowest id. NaN and infinity come before all numbers. If a row has too few elements, the id is
/// `u32::MAX`, and the bits are those of minus infinity.
///
/// # Panics
/// If `x` has no column, or a buffer is too small.
pub fn top_k(
    plan: &mut Plan,
    shape: SearchShape,
    x: &Tensor,
    choosing: &Buffer,
    parts: &Buffer,
    found: &Buffer,
) {
    let (max_tokens, columns) = (plan.max_tokens(), x.columns());
    argmax::argmax(plan, shape, x, parts);
    assert!(choosing.len() >= max_tokens * size_of::<DeviceSampling>() / 4, "top_k: choosing");
    assert!(found.len() >= max_tokens * FOUND_WORDS, "top_k: found");
    let params = Params {
        num_columns: columns as u32,
        x_stride: x.stride() as u32,
        part_size: shape.part_size as u32,
    };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: vec![
            ("WORKGROUP_SIZE", f64::from(shape.workgroup_size)),
            ("NUM_PARTS", shape.num_parts(columns) as f64),
            ("MAX_CANDIDATES", MAX_CANDIDATES as f64),
        ],
        buffers: vec![x.buffer().clone(), parts.clone(), choosing.clone(), found.clone()],
        groups_per_block: 1,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
