//! `rms_norm`: scales rows to a root mean square of 1, and applies a weight.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::sweep::{Case, EPS, KernelSweep, Padding, Scene, Values, cases};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    hidden_size: u32,
    stride: u32,
    eps: f32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "rms_norm",
    wgsl: include_str!("../../shaders/resolved/rms_norm.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::rms_norm),
    fast: |call| compute(call, cpu::fast::rms_norm),
    // A sum of squares has no cancellation: a few roundings, relative to the result. Measured on llvmpipe through Vulkan and
    // GL: 2.5e-7 of 1.06.
    tolerance: Tolerance { atol: 3e-7, rtol: 1e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large, Values::Small]),
    set_up: |scene, case| {
        let rows = Scene::rows(case);
        let inputs = &mut scene.inputs;
        let x = inputs.tensor("x", rows.sizes(), Padding::Poison, |value| rows.values.of(value))?;
        let weight = inputs.vector("weight", rows.columns)?;
        let y = inputs.output("y", rows.sizes().0, rows.columns)?;
        rms_norm(&mut scene.plan, &x, &weight, EPS, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("+ params.eps", "", "epsilon"),
        ("f32(params.hidden_size)", "f32(params.stride)", "padding in the mean"),
    ],
};

fn compute(call: &mut Call<'_>, rms_norm: impl Fn(usize, (usize, usize), f32, &[f32], &[f32], &mut [f32])) {
    let params: Params = call.params();
    let [x, weight, y, ..] = &mut call.slots;
    rms_norm(
        call.batch.num_tokens as usize,
        (params.hidden_size as usize, params.stride as usize),
        params.eps,
        weight.floats(),
        x.floats(),
        y.floats_mut(),
    );
}

/// Records `y = rms_norm(x)`; `x`, `y`: `[max_tokens, hidden_size]`, `weight`: `[1, hidden_size]`.
///
/// # Panics
/// If the shapes disagree.
pub fn rms_norm(plan: &mut Plan, x: &Tensor, weight: &Tensor, eps: f32, y: &Tensor) {
    let hidden_size = x.columns();
    assert_eq!(weight.columns(), hidden_size, "rms_norm: columns of weight");
    assert_eq!(y.columns(), hidden_size, "rms_norm: columns of y");
    assert!(x.rows() >= plan.max_tokens() && y.rows() >= plan.max_tokens(), "rms_norm: tokens");
    let params = Params { hidden_size: hidden_size as u32, stride: x.stride() as u32, eps };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![x.buffer().clone(), weight.buffer().clone(), y.buffer().clone()],
        groups_per_block: 1,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
