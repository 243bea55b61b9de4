//! `add_norm`: adds a normed update to the residual stream, and norms the sum.

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
    name: "add_norm",
    wgsl: include_str!("../../shaders/resolved/add_norm.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[Access::Read, Access::Read, Access::Read, Access::Read, Access::ReadWrite, Access::ReadWrite],
    twin: compute,
    fast: compute,
    // Two RMS norms and a sum: a few roundings of numbers around 1. A difference can leave few of their digits.
    tolerance: Tolerance { atol: 1e-6, rtol: 1e-6 },
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || cases::rows(&[Values::Ordinary, Values::Large, Values::Small]),
    set_up: |scene, case| {
        let rows = Scene::rows(case);
        let (sizes, inputs) = (rows.sizes(), &mut scene.inputs);
        let value = |value| rows.values.of(value);
        let x = inputs.tensor("x", sizes, Padding::Poison, value)?;
        let update = inputs.tensor("update", sizes, Padding::Poison, value)?;
        let post_weight = inputs.vector("post_weight", rows.columns)?;
        let weight = inputs.vector("weight", rows.columns)?;
        let z = inputs.output("z", sizes.0, rows.columns)?;
        let y = inputs.output("y", sizes.0, rows.columns)?;
        let residual = Residual { x, update, post_weight, z: z.tensor.clone(), eps: EPS };
        add_norm(&mut scene.plan, &residual, &weight, &y.tensor);
        Ok(vec![z, y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("z[row + channel] = sum;", "", "unwritten"),
        ("z[row + channel] = sum;", "z[row + channel] = x[row + channel];", "nothing added"),
        ("* update_scale", "", "the update as it is"),
        ("squares += sum * sum", "squares += sum", "squares"),
        ("* weight[channel]", "* post_weight[channel]", "the other norm's weight"),
    ],
};

fn compute(call: &mut Call<'_>) {
    let params: Params = call.params();
    let [x, update, post_weight, weight, z, y, ..] = &mut call.slots;
    cpu::add_norm(
        call.batch.num_tokens as usize,
        (params.hidden_size as usize, params.stride as usize),
        params.eps,
        (post_weight.floats(), weight.floats()),
        (x.floats(), update.floats()),
        (z.floats_mut(), y.floats_mut()),
    );
}

/// A residual stream and the update that is normed and added to it.
#[derive(Debug, Clone)]
pub struct Residual {
    /// The stream before the addition, `[max_tokens, hidden_size]`.
    pub x: Tensor,
    /// The update before its norm, `[max_tokens, hidden_size]`.
    pub update: Tensor,
    /// The weight of the update's RMS norm, `[1, hidden_size]`.
    pub post_weight: Tensor,
    /// The stream after the addition, `[max_tokens, hidden_size]`.
    pub z: Tensor,
    /// The epsilon of both norms.
    pub eps: f32,
}

impl Residual {
    /// # Panics
    /// If the shapes disagree.
    pub(super) fn check(&self, name: &str, max_tokens: usize) {
        let hidden_size = self.x.columns();
        for (what, tensor) in [("update", &self.update), ("post_weight", &self.post_weight), ("z", &self.z)] {
            assert_eq!(tensor.columns(), hidden_size, "{name}: columns of {what}");
        }
        let rows = [&self.x, &self.update, &self.z].map(Tensor::rows);
        assert!(rows.iter().all(|rows| *rows >= max_tokens), "{name}: tokens");
    }
}

/// Records `z = x + rms_norm(update)` and `y = rms_norm(z)`; `y`: `[max_tokens, hidden_size]`, `weight`: `[1, hidden_size]`.
///
/// # Panics
/// If the shapes disagree.
pub fn add_norm(plan: &mut Plan, residual: &Residual, weight: &Tensor, y: &Tensor) {
    residual.check("add_norm", plan.max_tokens());
    let Residual { x, update, post_weight, z, eps } = residual;
    assert_eq!(weight.columns(), x.columns(), "add_norm: columns of weight");
    assert_eq!(y.columns(), x.columns(), "add_norm: columns of y");
    assert!(y.rows() >= plan.max_tokens(), "add_norm: tokens");
    let params = Params { hidden_size: x.columns() as u32, stride: x.stride() as u32, eps: *eps };
    plan.dispatch(Dispatch {
        kernel: &KERNEL,
        params: bytemuck::bytes_of(&params).to_vec(),
        constants: Vec::new(),
        buffers: [x, update, post_weight, weight, z, y].map(|tensor| tensor.buffer().clone()).to_vec(),
        groups_per_block: 1,
        tokens_per_block: 1,
        min_kv_len: 0,
    });
}
