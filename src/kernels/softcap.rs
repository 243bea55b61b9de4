//! `softcap`: `x = cap * tanh(x / cap)`.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::elementwise::groups_per_row;
use crate::kernels::sweep::{Case, KernelSweep, Scene, Values, cases};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    columns: u32,
    stride: u32,
    cap: f32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "softcap",
    wgsl: include_str!("../../shaders/resolved/softcap.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::ReadWrite],
    twin: |call| compute(call, cpu::softcap),
    fast: |call| compute(call, cpu::fast::softcap),
    // The cap times the rounding of tanh. Measured on llvmpipe through Vulkan and GL: 2.8e-6 of 0.95, with a cap of 30.
    // WGSL lets a driver compute tanh from exp, which loses a few more digits.
    tolerance: Tolerance { atol: 1e-5, rtol: 1e-5 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large, Values::Small]),
    set_up: |scene, case| {
        // Gemma 2 has this cap of logits.
        const CAP: f32 = 30.0;
        let rows = Scene::rows(case);
        // Ordinary values go from a third of the cap to three times the cap, where the curve bends. Small values are a
        // tenth of that, since still smaller values round to themselves.
        let scale = if rows.values == Values::Small { 0.1 } else { rows.values.of(1.0) };
        let x = scene.inputs.in_place("x", rows.sizes(), |value| 3.0 * CAP * scale * value)?;
        softcap(&mut scene.plan, CAP, &x.tensor);
        Ok(vec![x])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("-15.0, 15.0", "-1.0, 1.0", "clamped where it still bends"),
        ("params.cap * tanh", "tanh", "capped at 1"),
    ],
};

fn compute(call: &mut Call<'_>, softcap: impl Fn(usize, usize, usize, f32, &mut [f32])) {
    let params: Params = call.params();
    let [x, ..] = &mut call.slots;
    let num_tokens = call.batch.num_tokens as usize;
    softcap(num_tokens, params.columns as usize, params.stride as usize, params.cap, x.floats_mut());
}

/// Records `x = cap * tanh(x / cap)`; `x`: `[max_tokens, columns]`.
///
/// # Panics
/// If `x` has too few rows, or `cap` is not above 0.
pub fn softcap(plan: &mut Plan, cap: f32, x: &Tensor) {
    assert!(cap > 0.0, "softcap: cap");
    assert!(x.rows() >= plan.max_tokens(), "softcap: tokens");
    let params = Params { columns: x.columns() as u32, stride: x.stride() as u32, cap };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![x.buffer().clone()],
        groups_per_block: groups_per_row(x.columns()),
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
