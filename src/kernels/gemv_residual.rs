//! `gemv_residual`: `add_norm` and the product that reads its result, in one kernel.

use crate::cpu;
use crate::device::{MatrixPart, Tensor};
use crate::dispatch::{Access, Call, Kernel, Requires};
use crate::kernels::matmul::{Params, TOLERANCE};
use crate::kernels::sweep::{Before, Case, EPS, KernelSweep, Padding, cases};
use crate::kernels::{GemvShape, InputNorm, Matmul, Plan, Residual};

pub(super) static KERNEL: Kernel = Kernel {
    name: "gemv_residual",
    wgsl: include_str!("../../shaders/resolved/gemv_residual.wgsl"),
    params_bytes: size_of::<Params>(),
    requires: Requires::NOTHING,
    buffers: &[
        Access::Read,
        Access::Read,
        Access::Read,
        Access::ReadWrite,
        Access::Read,
        Access::Read,
        Access::Read,
        Access::ReadWrite,
    ],
    twin: |call| compute(call, cpu::gemv),
    fast: |call| compute(call, cpu::fast::gemv),
    tolerance: TOLERANCE,
};

pub(super) static SWEEP: KernelSweep = KernelSweep {
    kernel: &KERNEL,
    cases: || {
        let shapes = [GemvShape::GPU, GemvShape::SOFTWARE, GemvShape::new(64, 8, 4)];
        cases::projections(&cases::FORMATS, &[Before::RmsNorm], &shapes)
    },
    set_up: |scene, case| {
        let of = scene.projection(case)?;
        let update = scene.inputs.tensor("update", of.sizes, Padding::Zero, |value| of.values.of(value))?;
        let z = scene.inputs.output("z", of.sizes.0, of.sizes.2)?;
        let matmul = Matmul { x: z.tensor.clone(), ..of.matmul() };
        let (x, post_weight) = (of.x.clone(), of.norm_bias.clone());
        let residual = Residual { x, update, post_weight, z: z.tensor.clone(), eps: EPS };
        gemv_residual(&mut scene.plan, |_| of.shape, &residual, &matmul);
        Ok(vec![z, of.y])
    },
    atol_factor: Case::atol_factor,
    mistakes: &[
        ("z[at] = sum;", "", "unwritten"),
        ("* update_scale", "", "the update as it is"),
        ("sums *= scale_of(sums.w);", "", "no scale"),
        ("* post_weight[vector]", "* norm_weight[vector]", "the other norm's weight"),
    ],
};

fn compute(call: &mut Call<'_>, gemv: impl cpu::Gemv) {
    let params: Params = call.params();
    let num_tokens = call.batch.num_tokens as usize;
    let (hidden_size, stride) = (params.in_features as usize, params.x_stride as usize);
    let [x, weight, bias, y, norm_weight, post_weight, update, z, ..] = &mut call.slots;
    let (mut stream, mut normed) = (vec![0.0; num_tokens * stride], vec![0.0; num_tokens * stride]);
    cpu::add_norm(
        num_tokens,
        (hidden_size, stride),
        params.eps,
        (post_weight.floats(), norm_weight.floats()),
        (x.floats(), update.floats()),
        (&mut stream, &mut normed),
    );
    // The part with the first row writes the stream, padding included.
    if params.first_row == 0 {
        z.floats_mut()[..stream.len()].copy_from_slice(&stream);
    }
    cpu::product(
        gemv,
        num_tokens,
        params.weight(weight.words(), bias.floats()),
        (None, params.epilogue()),
        (&normed, stride),
        (y.floats_mut(), params.y_stride as usize, params.first_row as usize),
    );
}

/// Records `z = x + rms_norm(update)` and `y = epilogue(weight rms_norm(z) + bias)`. [`crate::kernels::add_norm`] and
/// [`crate::kernels::gemv_fused`] compute the same one after the other. `matmul` reads `z`, and its norm is an RMS
/// norm.
///
/// # Panics
/// If the shapes disagree; if the `shape` of a part shares `x`; if `matmul` reads another tensor than `z`, or has
/// another norm.
pub fn gemv_residual(
    plan: &mut Plan,
    shape: impl Fn(&MatrixPart) -> GemvShape,
    residual: &Residual,
    matmul: &Matmul,
) {
    residual.check("gemv_residual", plan.max_tokens());
    let Residual { x, update, post_weight, z, eps } = residual;
    let Matmul { norm: Some(InputNorm { weight: norm_weight, bias: None, eps: norm_eps }), .. } = matmul
    else {
        panic!("gemv_residual: norm")
    };
    assert!(matmul.x.buffer().is(z.buffer()), "gemv_residual: x");
    assert_eq!(norm_eps, eps, "gemv_residual: eps");
    let choose = |part: &MatrixPart| {
        let shape = shape(part);
        assert!(!shape.shares_x, "gemv_residual: lanes that share x");
        let (constants, columns) = shape.of_matmul(matmul);
        (&KERNEL, constants, (columns, 1))
    };
    matmul.record(plan, choose, |part| {
        // A binding cannot be empty. Without a bias, the kernel does not read it.
        let bias = matmul.bias.as_ref().unwrap_or(x);
        let first = [x.buffer(), &part.buffer, bias.buffer(), matmul.y.buffer()];
        let rest = [norm_weight, post_weight, update, z].map(Tensor::buffer);
        first.into_iter().chain(rest).cloned().collect()
    });
}
