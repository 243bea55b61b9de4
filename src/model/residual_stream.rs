//! The residual stream on its way through a pass: what parts of a layer read of it, and what they add to it.
//!
//! Both are recorded kernel by kernel, or fused as far as the plan's [`Fusion`] goes. A fused dispatch keeps some values to itself: where
//! they are captured, they are computed once more beside it. The pass itself stays the same, so capturing changes no bit.

use super::forward::{Activations, norm, product};
use super::load::Model;
use super::spec::{Activation, DecoderSpec};
use super::weights::{Linear, NormWeights};
use crate::device::{MatrixPart, Tensor};
use crate::kernels::{self, Epilogue, Fusion, InputNorm, Matmul, MatmulShape, Plan, Residual};

/// The residual stream at some point of a pass.
#[derive(Debug)]
pub(super) struct ResidualStream<'a> {
    spec: &'a DecoderSpec,
    a: &'a Activations,
    fusion: Fusion,
    /// Holds it.
    resid: &'a Tensor,
    /// Of the same shape: kernels that read the stream and write it in one dispatch go from one to the other.
    spare: &'a Tensor,
    /// The norm of an update that lies in `a.update` and is still to be added.
    pending: Option<&'a NormWeights>,
}

impl<'a> ResidualStream<'a> {
    /// Before the first of `num_layers` layers. After [`ResidualStream::settle`] it is in `a.resid`.
    pub(super) fn new(plan: &Plan, model: &'a Model, a: &'a Activations, num_layers: usize) -> Self {
        let (spec, fusion) = (model.spec(), plan.fusion());
        let mut stream = Self { spec, a, fusion, resid: &a.resid, spare: &a.spare, pending: None };
        let without_mlp = model.ablation().mlps.range(..num_layers).count();
        let num_updates = 2 * num_layers - without_mlp;
        // Each update that waits moves it.
        let is_moved = model.weights().layers.iter().any(|layer| stream.waits(layer.post_attn_norm.as_ref()));
        if is_moved && !num_updates.is_multiple_of(2) {
            std::mem::swap(&mut stream.resid, &mut stream.spare);
        }
        stream
    }

    /// What holds it, if nothing is still to be added.
    pub(super) fn resid(&self) -> &'a Tensor {
        self.resid
    }

    /// Whether an update with this norm is added by what reads the stream next.
    fn waits(&self, post_norm: Option<&NormWeights>) -> bool {
        self.fusion >= Fusion::Epilogues && post_norm.is_some_and(|norm| norm.bias.is_none())
    }

    /// Records the stream's norm, into `y`.
    pub(super) fn norm(&mut self, plan: &mut Plan, weights: &NormWeights, y: &Tensor) {
        match self.take_update() {
            Some(residual) => kernels::add_norm(plan, &residual, &weights.weight, y),
            None => norm(plan, self.spec, self.resid, weights, y),
        }
    }

    /// The update that is still to be added; from here on the stream is where that goes.
    fn take_update(&mut self) -> Option<Residual<'a>> {
        let post_norm = self.pending.take()?;
        let (x, z) = (self.resid, self.spare);
        (self.resid, self.spare) = (z, x);
        let (update, post_weight) = (&self.a.update, &post_norm.weight);
        Some(Residual { x, update, post_weight, z, eps: self.spec.norm.eps() })
    }

    /// Records a projection of the normed stream, and its activation.
    pub(super) fn project(
        &mut self,
        plan: &mut Plan,
        weights: &NormWeights,
        linear: &Linear,
        activation: Option<Activation>,
        y: &Tensor,
    ) {
        let epilogue = activation.map_or(Epilogue::Store, epilogue);
        // Gates and values that are stored apart meet in a kernel of their own.
        if self.fusion < Fusion::Epilogues || (epilogue.is_gated() && linear.weight.parts.len() > 1) {
            let products = if activation.is_some() { &self.a.up } else { y };
            self.project_into(plan, weights, linear, Epilogue::Store, products);
            if let Some(activation) = activation {
                activate(plan, activation, products, y);
            }
        } else {
            self.project_into(plan, weights, linear, epilogue, y);
        }
    }

    fn project_into(
        &mut self,
        plan: &mut Plan,
        weights: &NormWeights,
        linear: &Linear,
        epilogue: Epilogue,
        y: &Tensor,
    ) {
        let Linear { weight, bias } = linear;
        let in_product = self.fusion.norms_for(weight);
        if self.fusion == Fusion::All
            && in_product
            && let Some(residual) = self.take_update()
        {
            let (choices, stride) = (plan.choices().clone(), residual.x.stride());
            let shape =
                |part: &MatrixPart| choices.gemv_shape(&MatmulShape::of_part(part, stride)).without_sharing();
            let (weight, bias) = (weight, bias.as_ref());
            let stream = (&residual, &weights.weight);
            return kernels::gemv_residual(plan, shape, stream, (weight, bias), (epilogue, y));
        }
        let norm =
            InputNorm { weight: &weights.weight, bias: weights.bias.as_ref(), eps: self.spec.norm.eps() };
        let (x, norm) = if in_product && self.pending.is_none() {
            (self.resid, Some(norm))
        } else {
            self.norm(plan, weights, &self.a.normed);
            (&self.a.normed, None)
        };
        if norm.is_none() && epilogue == Epilogue::Store {
            product(plan, x, weight, bias.as_ref(), y);
        } else {
            let bias = bias.as_ref();
            kernels::gemv_fused(plan, &Matmul { x, norm, weight, bias, epilogue, y });
        }
    }

    /// Records the addition of a projection of `x`, normed before where the family does that; `tap` gets what is added.
    pub(super) fn add(
        &mut self,
        plan: &mut Plan,
        x: &Tensor,
        linear: &Linear,
        post_norm: Option<&'a NormWeights>,
        tap: Option<&Tensor>,
    ) {
        let Linear { weight, bias } = linear;
        let bias = bias.as_ref();
        let update = &self.a.update;
        if self.fusion >= Fusion::Epilogues && post_norm.is_none() {
            if let Some(tap) = tap {
                product(plan, x, weight, bias, tap);
            }
            let (epilogue, y) = (Epilogue::Add, self.resid);
            kernels::gemv_fused(plan, &Matmul { x, norm: None, weight, bias, epilogue, y });
            return;
        }
        product(plan, x, weight, bias, update);
        let added = match post_norm {
            None => update,
            Some(weights) if self.waits(post_norm) => {
                if let Some(tap) = tap {
                    norm(plan, self.spec, update, weights, tap);
                }
                self.pending = Some(weights);
                return;
            }
            Some(weights) => {
                norm(plan, self.spec, update, weights, &self.a.normed);
                &self.a.normed
            }
        };
        kernels::add(plan, self.resid, added);
        if let Some(tap) = tap {
            plan.copy(added, tap);
        }
    }

    /// Records a copy into `tap`, if there is one.
    pub(super) fn copy(&self, plan: &mut Plan, tap: Option<&Tensor>) {
        let Some(tap) = tap else { return };
        plan.copy(self.resid, tap);
        if let Some(weights) = self.pending {
            norm(plan, self.spec, &self.a.update, weights, &self.a.normed);
            kernels::add(plan, tap, &self.a.normed);
        }
    }

    /// Records the addition of what is still to be added.
    pub(super) fn settle(mut self, plan: &mut Plan, next_norm: &NormWeights) {
        if self.pending.is_some() {
            self.norm(plan, next_norm, &self.a.normed);
        }
    }
}

fn epilogue(activation: Activation) -> Epilogue {
    match activation {
        Activation::GeluTanh => Epilogue::GeluTanh,
        Activation::GeluErf => Epilogue::GeluErf,
        Activation::GeGlu => Epilogue::GeGlu,
        Activation::SwiGlu => Epilogue::SwiGlu,
    }
}

fn activate(plan: &mut Plan, activation: Activation, x: &Tensor, y: &Tensor) {
    match activation {
        Activation::GeluTanh => kernels::gelu_tanh(plan, x, y),
        Activation::GeluErf => kernels::gelu_erf(plan, x, y),
        Activation::GeGlu => kernels::geglu(plan, x, y),
        Activation::SwiGlu => kernels::swiglu(plan, x, y),
    }
}
