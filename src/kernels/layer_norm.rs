//! `layer_norm`: scales rows to mean 0 and variance 1, and applies weight and bias.

use crate::cpu;
use crate::device::Tensor;
use crate::dispatch::{Access, Call, Dispatch, Kernel, Requires, Tolerance};
use crate::kernels::Plan;
use crate::kernels::sweep::{Case, KernelSweep, Padding, Scene, Values, cases};

#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    hidden_size: u32,
    stride: u32,
    eps: f32,
}

pub(super) static KERNEL: Kernel = Kernel {
    name: "layer_norm",
    wgsl: include_str!("../../shaders/resolved/layer_norm.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::Read, Access::Read, Access::ReadWrite],
    twin: |call| compute(call, cpu::layer_norm),
    fast: |call| compute(call, cpu::fast::layer_norm),
    // f32 sums of up to a few thousand elements. Measured on llvmpipe through Vulkan and GL: 2.4e-7. If the mean is 1e3
    // times the spread, x - mean loses three digits, and the error is 2e-4.
    tolerance: Tolerance { atol: 1e-6, rtol: 1e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large, Values::Small, Values::MeanHeavy]),
    set_up: |scene, case| {
        let rows = Scene::rows(case);
        let inputs = &mut scene.inputs;
        let x = inputs.tensor("x", rows.sizes(), Padding::Poison, |value| rows.values.of(value))?;
        let weight = inputs.vector("weight", rows.columns)?;
        let bias = inputs.vector("bias", rows.columns)?;
        let y = inputs.output("y", rows.sizes().0, rows.columns)?;
        layer_norm(&mut scene.plan, &x, &weight, &bias, 1e-5, &y.tensor);
        Ok(vec![y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[("+ params.eps", "", "epsilon")],
};

fn compute(
    call: &mut Call<'_>,
    layer_norm: impl Fn(usize, usize, f32, (&[f32], &[f32]), &[f32], &mut [f32], usize),
) {
    let params: Params = call.params();
    let [x, weight, bias, y, ..] = &mut call.slots;
    layer_norm(
        call.batch.num_tokens as usize,
        params.stride as usize,
        params.eps,
        (weight.floats(), bias.floats()),
        x.floats(),
        y.floats_mut(),
        params.hidden_size as usize,
    );
}

/// Records `y = layer_norm(x)`; `x`, `y`: `[max_tokens, hidden_size]`, `weight`, `bias`: `[1, hidden_size]`.
///
/// # Panics
/// If the shapes disagree.
pub fn layer_norm(plan: &mut Plan, x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f32, y: &Tensor) {
    let hidden_size = x.columns();
    for (what, tensor) in [("weight", weight), ("bias", bias), ("y", y)] {
        assert_eq!(tensor.columns(), hidden_size, "layer_norm: columns of {what}");
    }
    assert!(x.rows() >= plan.max_tokens() && y.rows() >= plan.max_tokens(), "layer_norm: tokens");
    let params = Params { hidden_size: hidden_size as u32, stride: x.stride() as u32, eps };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: vec![x.buffer().clone(), weight.buffer().clone(), bias.buffer().clone(), y.buffer().clone()],
        groups_per_block: 1,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
