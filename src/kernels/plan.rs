//! A plan: the steps of one pass, which are lowered to dispatches.

mod fuse;
mod lowering;
mod op;

use std::sync::Arc;

use crate::device::{Buffer, Device, Matrix, Recording, Tensor};
use crate::dispatch::{Dispatch, Kernel};
use crate::error::Result;
use crate::kernels::{self, Choices, Epilogue, Fusion, InputNorm, Matmul, MatmulShape};
use fuse::Stream;
use lowering::Lowering;
use op::Op;

/// The steps of one pass that are being recorded.
///
/// Each wrapper in [`crate::kernels`] records a kernel. [`Plan::norm`], [`Plan::matmul`], [`Plan::activate`] and
/// [`Plan::add`] record operations instead. [`Plan::lower`] chooses the kernels for them, and fuses neighbours
/// according to the plan's [`Fusion`].
#[derive(Debug)]
pub struct Plan {
    device: Device,
    choices: Arc<Choices>,
    fusion: Fusion,
    max_tokens: usize,
    tokens_of_text: usize,
    ops: Vec<Op>,
}

/// The dispatches of one pass.
#[derive(Debug)]
pub struct LoweredPlan {
    /// The recording for [`Device::compile`].
    pub recording: Recording,
    /// The description of each dispatch, in order.
    pub steps: Vec<Step>,
}

/// The description of a dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The kernel's name.
    pub kernel: &'static str,
    /// The shape of its weights, if it is a product.
    pub matmul: Option<MatmulShape>,
}

impl Plan {
    /// Makes an empty plan for passes of up to `max_tokens` consecutive tokens of a sequence. Products are computed as
    /// `choices` say.
    pub fn new(device: &Device, choices: &Choices, max_tokens: usize) -> Self {
        Self {
            device: device.clone(),
            choices: Arc::new(choices.clone()),
            fusion: Fusion::None,
            max_tokens,
            tokens_of_text: max_tokens,
            ops: Vec::new(),
        }
    }

    /// Makes an empty plan for one token, which is also fused as `choices` say.
    pub fn fused(device: &Device, choices: &Choices) -> Self {
        Self { fusion: choices.fusion(), ..Self::new(device, choices, 1) }
    }

    /// Makes an empty plan for passes of one token of each of up to `num_texts` sequences.
    pub fn of_texts(device: &Device, choices: &Choices, num_texts: usize) -> Self {
        Self { tokens_of_text: 1, ..Self::new(device, choices, num_texts) }
    }

    /// The kernels of products.
    pub fn choices(&self) -> &Arc<Choices> {
        &self.choices
    }

    /// The device whose buffers the plan uses.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The most tokens of a run.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The most tokens of one sequence in a run.
    pub fn tokens_of_text(&self) -> usize {
        self.tokens_of_text
    }

    /// Records `y = norm(x)`; `x`, `y`: `[max_tokens, hidden_size]`.
    ///
    /// The output of a step may stay inside a fused kernel if no later step of the plan reads it. A caller that needs
    /// the value records a [`Plan::copy`] of it.
    pub fn norm(&mut self, x: &Tensor, norm: InputNorm, y: &Tensor) {
        self.ops.push(Op::Norm { x: x.clone(), norm, y: y.clone() });
    }

    /// Records `y = weight x + bias`; shapes as [`crate::kernels::gemv`]. It may be fused as [`Plan::norm`] is.
    pub fn matmul(&mut self, x: &Tensor, weight: &Matrix, bias: Option<&Tensor>, y: &Tensor) {
        self.ops.push(Op::Matmul(Matmul::new(x, weight, bias, y)));
    }

    /// Records `y = activation(x)`; `y`: `[max_tokens, intermediate_size]`. `x` has the same shape. For a gated
    /// activation, it has the gates and then as many values. The step may be fused as [`Plan::norm`] is.
    ///
    /// # Panics
    /// If `activation` does nothing.
    pub fn activate(&mut self, activation: Epilogue, x: &Tensor, y: &Tensor) {
        assert!(!matches!(activation, Epilogue::Store | Epilogue::Add), "{activation:?} is no activation");
        self.ops.push(Op::Activate { activation, x: x.clone(), y: y.clone() });
    }

    /// Records `x += update`; both `[max_tokens, hidden_size]`.
    pub fn add(&mut self, x: &Tensor, update: &Tensor) {
        self.ops.push(Op::Add { x: x.clone(), update: update.clone() });
    }

    /// Records a copy of all of `from` into `to`, for a captured value.
    ///
    /// # Panics
    /// If `to` is smaller than `from`.
    pub fn copy(&mut self, from: &Tensor, to: &Tensor) {
        assert!(to.buffer().len() >= from.buffer().len(), "copy into a smaller tensor");
        self.ops.push(Op::Copy { from: from.clone(), to: to.clone() });
    }

    /// Adds a dispatch. The wrappers in [`crate::kernels`] call it.
    ///
    /// # Panics
    /// If the parameters or the number of buffers do not fit the kernel, which is a caller's bug.
    pub fn dispatch(&mut self, dispatch: Dispatch<Buffer>) {
        self.record(dispatch, None);
    }

    /// Adds a dispatch of a product with weights.
    pub(super) fn dispatch_matmul(&mut self, dispatch: Dispatch<Buffer>, shape: MatmulShape) {
        self.record(dispatch, Some(shape));
    }

    fn record(&mut self, dispatch: Dispatch<Buffer>, matmul: Option<MatmulShape>) {
        let kernel = dispatch.kernel;
        assert_eq!(dispatch.params.len(), kernel.params_bytes, "{}: size of params", kernel.name);
        assert_eq!(dispatch.buffers.len(), kernel.buffers.len(), "{}: number of buffers", kernel.name);
        self.ops.push(Op::Dispatch(dispatch, matmul));
    }

    /// Replaces the kernel that has the name of `kernel`, so that a changed shader can be compared with the twin.
    pub(crate) fn substitute(&mut self, kernel: &'static Kernel) {
        for op in &mut self.ops {
            if let Op::Dispatch(dispatch, _) = op
                && dispatch.kernel.name == kernel.name
            {
                dispatch.kernel = kernel;
            }
        }
    }

    /// Fuses the steps and lowers them to dispatches.
    ///
    /// # Errors
    /// If the device has no room for the second tensor of the residual stream.
    ///
    /// # Panics
    /// If the shapes of a step disagree, or if a written buffer is bound twice. Both are a caller's bug.
    pub fn lower(mut self) -> Result<LoweredPlan> {
        let ops = std::mem::take(&mut self.ops);
        let stream = match fuse::stream(&ops).filter(|_| self.fusion >= Fusion::Epilogues) {
            None => None,
            Some(x) => {
                let spare = Tensor::zeros(&self.device, "resid", self.max_tokens, x.columns())?;
                Some(Stream { x: x.clone(), spare })
            }
        };
        let mut lowering = Lowering::new(self.max_tokens, stream);
        for op in fuse::fuse(ops, self.fusion, lowering.stream()) {
            let moves = matches!(op, Op::AddNorm { .. } | Op::ResidualMatmul { .. });
            self.kernels_of(op);
            for dispatch in self.ops.drain(..) {
                lowering.record(dispatch);
            }
            if moves {
                lowering.move_stream();
            }
        }
        Ok(lowering.finish())
    }

    /// Records the kernels of a step.
    fn kernels_of(&mut self, op: Op) {
        match op {
            Op::Norm { x, norm: InputNorm { weight, bias: Some(bias), eps }, y } => {
                kernels::layer_norm(self, &x, &weight, &bias, eps, &y);
            }
            Op::Norm { x, norm: InputNorm { weight, bias: None, eps }, y } => {
                kernels::rms_norm(self, &x, &weight, eps, &y);
            }
            Op::Matmul(matmul) if matmul.is_alone() => {
                kernels::multiply(self, &matmul.x, &matmul.weight, matmul.bias.as_ref(), &matmul.y);
            }
            Op::Matmul(matmul) => kernels::gemv_fused(self, &matmul),
            Op::Activate { activation, x, y } => match activation {
                Epilogue::GeluTanh => kernels::gelu_tanh(self, &x, &y),
                Epilogue::GeluErf => kernels::gelu_erf(self, &x, &y),
                Epilogue::GeGlu => kernels::geglu(self, &x, &y),
                Epilogue::SwiGlu => kernels::swiglu(self, &x, &y),
                Epilogue::Store | Epilogue::Add => unreachable!("checked when it was recorded"),
            },
            Op::Add { x, update } => kernels::add(self, &x, &update),
            Op::AddNorm { residual, norm, y } => kernels::add_norm(self, &residual, &norm.weight, &y),
            Op::ResidualMatmul { residual, matmul } => {
                let (choices, stride) = (self.choices.clone(), residual.x.stride());
                let shape = |part: &_| choices.gemv_shape(&MatmulShape::of_part(part, stride));
                kernels::gemv_residual(self, |part| shape(part).without_sharing(), &residual, &matmul);
            }
            Op::Copy { .. } | Op::Dispatch(..) => self.ops.push(op),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Entry;
    use crate::format::Format;

    const SIZE: usize = 32;

    fn plan() -> Plan {
        Plan::fused(&Device::Cpu, &Choices::of(&Device::Cpu).with_fusion(Fusion::All))
    }

    fn tensor(label: &str) -> Tensor {
        Tensor::zeros(&Device::Cpu, label, 1, SIZE).unwrap()
    }

    fn weight() -> Matrix {
        Matrix::zeros(&Device::Cpu, "weight", (SIZE, SIZE), Format::F32).unwrap()
    }

    fn norm() -> InputNorm {
        InputNorm { weight: tensor("norm"), bias: None, eps: 1e-6 }
    }

    fn kernels_of(plan: Plan) -> Vec<&'static str> {
        plan.lower().unwrap().steps.iter().map(|step| step.kernel).collect()
    }

    #[test]
    fn neighbours_become_one_kernel() {
        let [x, normed, up, activated, update] = ["x", "normed", "up", "activated", "update"].map(tensor);
        let mut plan = plan();
        plan.norm(&x, norm(), &normed);
        plan.matmul(&normed, &weight(), None, &up);
        plan.activate(Epilogue::GeluTanh, &up, &activated);
        plan.matmul(&activated, &weight(), None, &update);
        plan.add(&x, &update);
        assert_eq!(kernels_of(plan), ["gemv", "gemv"]);
    }

    #[test]
    fn a_value_that_is_read_again_is_written() {
        let [x, normed, up, activated, update] = ["x", "normed", "up", "activated", "update"].map(tensor);
        let mut plan = plan();
        plan.norm(&x, norm(), &normed);
        plan.matmul(&normed, &weight(), None, &up);
        plan.activate(Epilogue::GeluTanh, &up, &activated);
        // The plan has a dispatch, a step and a copy.
        kernels::add(&mut plan, &x, &normed);
        plan.add(&x, &up);
        plan.matmul(&x, &weight(), None, &update);
        plan.add(&x, &update);
        plan.norm(&x, norm(), &normed);
        plan.copy(&update, &activated);
        let want = ["rms_norm", "gemv", "gelu_tanh", "add", "add", "gemv", "add", "rms_norm"];
        assert_eq!(kernels_of(plan), want);
    }

    #[test]
    fn a_stream_that_moves_ends_where_it_began() {
        let [x, update, normed, other] = ["x", "update", "normed", "other"].map(tensor);
        for num_updates in 1..4 {
            let mut plan = plan();
            for _ in 0..num_updates {
                plan.norm(&update, norm(), &normed);
                plan.add(&x, &normed);
                plan.norm(&x, norm(), &normed);
                plan.copy(&normed, &other);
            }
            let LoweredPlan { recording, steps } = plan.lower().unwrap();
            assert!(steps.iter().all(|step| step.kernel == "add_norm"), "{steps:?}");
            assert_eq!(steps.len(), num_updates);
            let last = recording.entries.iter().rev().find_map(Entry::dispatch).unwrap();
            let written = &recording.buffers[last.buffers[4].0];
            assert!(written.is(x.buffer()), "after {num_updates} updates");
        }
    }
}
