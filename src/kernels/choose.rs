//! `choose`: chooses the next token from the candidates of `top_k`, so that the device can read its id without the
//! host.

use super::top_k::{FOUND_WORDS, MAX_CANDIDATES};
use crate::cpu::{self, DeviceSampling};
use crate::device::Buffer;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::sweep::{Case, KernelSweep, cases};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    row_pairs: u32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "choose",
    wgsl: include_str!("../../shaders/resolved/choose.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::ReadWrite, Access::ReadWrite],
    twin,
    fast: twin,
    // The outputs are ids. The kernel sums in f32, and the twin in f64. No case draws a number close to the end of a
    // share.
    tolerance: Tolerance::NONE,
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: cases::searches,
    set_up: |scene, case| {
        let logits = scene.logits(case)?;
        let (found, choosing) = scene.candidates(&logits)?;
        let found = scene.inputs.given("found", found)?;
        let ids = scene.inputs.output("ids", 1, logits.rows)?;
        choose(&mut scene.plan, &choosing, found.tensor.buffer(), ids.tensor.buffer());
        Ok(vec![found, ids])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("< found[first + taken].x", "> found[first + taken].x", "the last share past the draw"),
        ("ends[rank] > draw", "ends[rank] < draw", "a share before the draw"),
        ("found[first + other].x <= id", "other <= rank", "shares in another order"),
        ("- greatest) / bitcast<f32>(how.z)", "- greatest)", "temperature"),
        ("reached >= bitcast<f32>(how.w) * whole", "reached > bitcast<f32>(how.w)", "top-p of 1"),
        ("weight < bitcast<f32>(more.x)", "weight * whole < bitcast<f32>(more.x)", "min-p of the sum"),
        ("sum = reached", "sum = whole", "a draw from what was cut"),
        ("min(how.y, num_left) - 1u", "min(how.y, count) - 1u", "picks what was cut"),
        ("ids[token] = found[first + taken].x", "ids[token] = found[first].x", "the greatest"),
        ("taken = 0u;\n        }", "}", "weights of logits that are not numbers"),
    ],
};

fn twin(call: &mut Call<'_>) {
    let num_tokens = call.batch.num_tokens as usize;
    let [choosing, found, ids, ..] = &mut call.slots;
    let choosing: &[DeviceSampling] = bytemuck::cast_slice(choosing.words());
    cpu::choose(&choosing[..num_tokens], (found.words_mut(), MAX_CANDIDATES), ids.words_mut());
}

/// Records the choice from the candidates that [`super::top_k`] puts into `found`, `[max_tokens, FOUND_WORDS]`.
/// `choosing` has a [`DeviceSampling`] for each token. The choice is that of a sampler after top-k, with sums in f32.
/// It goes before the candidates in `found`, and its id into `ids`, `[max_tokens]` words at the start of a buffer.
///
/// # Panics
/// If a buffer is too small.
pub fn choose(plan: &mut Plan, choosing: &Buffer, found: &Buffer, ids: &Buffer) {
    let max_tokens = plan.max_tokens();
    assert!(choosing.len() >= max_tokens * size_of::<DeviceSampling>() / 4, "choose: choosing");
    assert!(found.len() >= max_tokens * FOUND_WORDS && ids.len() >= max_tokens, "choose: tokens");
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&Params { row_pairs: 1 + MAX_CANDIDATES as u32 }).to_vec(),
        constants: vec![("MAX_CANDIDATES", MAX_CANDIDATES as f64)],
        buffers: vec![choosing.clone(), found.clone(), ids.clone()],
        groups_per_block: 1,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
