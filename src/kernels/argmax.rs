//! `argmax`: the most probable token, so that its id need not leave the device to be read next.

use crate::cpu::{self, Call};
use crate::device::Buffer;
use crate::kernels::{Access, Dispatch, Kernel, Plan, Tolerance};
use crate::tensor::Tensor;

/// Candidates of a workgroup.
const PART_SIZE: usize = 1024;

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    num_candidates: u32,
    x_stride: u32,
    part_size: u32,
    num_parts: u32,
    is_listed: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "argmax",
    wgsl: include_str!(concat!(env!("OUT_DIR"), "/argmax.wgsl")),
    params_bytes: size_of::<Params>(),
    min_subgroup_size: 0,
    buffers: &[Access::Read, Access::Read, Access::ReadWrite],
    twin,
    fast: twin,
    // Ids.
    tolerance: Tolerance { atol: 0.0, rtol: 0.0 },
};

fn twin(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [x, candidates, ids, ..] = &mut call.slots;
    cpu::argmax(
        call.batch.num_tokens as usize,
        (params.num_candidates as usize, params.part_size as usize),
        (params.is_listed != 0).then(|| candidates.words()),
        (x.floats(), params.x_stride as usize),
        ids.words_mut(),
    );
}

/// Words that [`argmax`] of `columns` columns needs for the parts of up to `max_tokens` tokens.
pub fn argmax_words(max_tokens: usize, columns: usize) -> usize {
    2 * max_tokens * columns.div_ceil(PART_SIZE)
}

/// Records the choice of the greatest of each row of `x`, `[max_tokens, columns]`, the lowest id of equals, in two stages:
/// that of each part of the columns goes into `parts`, [`argmax_words`] words, that of all into `ids`, `[2, num_tokens]`
/// words at the start of a buffer, ids first and then why nothing can be chosen: 0 for no reason, 1 for NaN and 2 for
/// infinity, whose first id is then given, 3 where all are minus infinity.
///
/// # Panics
/// If `x` has no column, or a buffer is too small.
pub fn argmax(plan: &mut Plan, x: &Tensor, parts: &Buffer, ids: &Buffer) {
    let max_tokens = plan.max_tokens();
    assert!(x.columns() > 0, "argmax: columns");
    assert!(x.rows() >= max_tokens && ids.len() >= 2 * max_tokens, "argmax: tokens");
    assert!(parts.len() >= argmax_words(max_tokens, x.columns()), "argmax: parts");
    let num_parts = x.columns().div_ceil(PART_SIZE);
    // Nothing is read of the candidates where they are not listed, and a binding cannot be empty.
    let all = (x.columns(), PART_SIZE, None, parts);
    let best = (num_parts, num_parts, Some(parts), ids);
    for (num_candidates, part_size, listed, output) in [all, best] {
        let params = Params {
            num_candidates: num_candidates as u32,
            x_stride: x.stride() as u32,
            part_size: part_size as u32,
            num_parts: num_candidates.div_ceil(part_size) as u32,
            is_listed: u32::from(listed.is_some()),
        };
        plan.dispatch(Dispatch {
            kernel: &KERNEL,
            params: bytemuck::bytes_of(&params).to_vec(),
            constants: Vec::new(),
            buffers: vec![x.buffer().clone(), listed.unwrap_or(x.buffer()).clone(), output.clone()],
            groups_per_block: params.num_parts,
            tokens_per_block: 1,
            beyond: 0,
        });
    }
}
