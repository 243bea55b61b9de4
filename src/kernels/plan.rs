//! A plan: what wrappers record the dispatches of one pass into.

use std::sync::Arc;

use crate::device::{Buffer, Device, Recording, Tensor};
use crate::dispatch::{Access, BufferId, Dispatch, Entry, Kernel};
use crate::kernels::{Choices, Fusion, MatmulShape};

/// The dispatches of one pass, while they are recorded. [`Device::compile`] makes a program of [`Plan::recording`].
#[derive(Debug)]
pub struct Plan {
    device: Device,
    choices: Arc<Choices>,
    fusion: Fusion,
    tokens_of_text: usize,
    steps: Vec<Step>,
    recording: Recording,
}

/// What a dispatch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The kernel's name.
    pub kernel: &'static str,
    /// What it reads and computes, if it is a product of weights.
    pub matmul: Option<MatmulShape>,
}

impl Plan {
    /// An empty plan for passes of up to `max_tokens` tokens that stand one after the other in a text, which computes products as
    /// `choices` say.
    pub fn new(device: &Device, choices: &Choices, max_tokens: usize) -> Self {
        Self {
            device: device.clone(),
            choices: Arc::new(choices.clone()),
            fusion: Fusion::None,
            tokens_of_text: max_tokens,
            steps: Vec::new(),
            recording: Recording { max_tokens, ..Recording::default() },
        }
    }

    /// An empty plan for a token at a time, which is also fused as `choices` say.
    pub fn fused(device: &Device, choices: &Choices) -> Self {
        Self { fusion: choices.fusion(), ..Self::new(device, choices, 1) }
    }

    /// An empty plan for passes of one token of each of up to `num_texts` texts.
    pub fn of_texts(device: &Device, choices: &Choices, num_texts: usize) -> Self {
        Self { tokens_of_text: 1, ..Self::new(device, choices, num_texts) }
    }

    /// How products are computed.
    pub fn choices(&self) -> &Arc<Choices> {
        &self.choices
    }

    /// How far the dispatches of a decoded token are fused.
    pub fn fusion(&self) -> Fusion {
        self.fusion
    }

    /// The device whose buffers the plan uses.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The most tokens that a run may have.
    pub fn max_tokens(&self) -> usize {
        self.recording.max_tokens
    }

    /// The most tokens of one text that a run may have.
    pub fn tokens_of_text(&self) -> usize {
        self.tokens_of_text
    }

    /// The dispatches, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What was recorded.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Adds a dispatch; the wrappers in [`crate::kernels`] call it.
    ///
    /// # Panics
    /// If the buffers or parameters are not those of the kernel, or a buffer that is written is bound twice: a caller's
    /// bug.
    pub fn dispatch(&mut self, dispatch: Dispatch<Buffer>) {
        self.record(dispatch, None);
    }

    /// As [`Plan::dispatch`], for a product of weights.
    pub(super) fn dispatch_matmul(&mut self, dispatch: Dispatch<Buffer>, shape: MatmulShape) {
        self.record(dispatch, Some(shape));
    }

    fn record(&mut self, dispatch: Dispatch<Buffer>, matmul: Option<MatmulShape>) {
        let kernel = dispatch.kernel;
        assert_eq!(dispatch.params.len(), kernel.params_bytes, "{}: size of params", kernel.name);
        assert_eq!(dispatch.buffers.len(), kernel.buffers.len(), "{}: number of buffers", kernel.name);
        self.steps.push(Step { kernel: kernel.name, matmul });
        let dispatch = dispatch.map_buffers(|buffer| self.id_of(&buffer));
        for (index, (id, access)) in dispatch.buffers.iter().zip(kernel.buffers).enumerate() {
            let mut others = dispatch.buffers.iter().enumerate().filter(|(other, _)| *other != index);
            assert!(
                *access == Access::Read || !others.any(|(_, other)| other == id),
                "{}: buffer {index} is written and bound twice",
                kernel.name
            );
        }
        self.recording.entries.push(Entry::Dispatch(dispatch));
    }

    /// Puts `kernel` in the place of its namesake, so that a changed shader can be held against the twin.
    pub(crate) fn substitute(&mut self, kernel: &'static Kernel) {
        for entry in &mut self.recording.entries {
            if let Entry::Dispatch(dispatch) = entry
                && dispatch.kernel.name == kernel.name
            {
                dispatch.kernel = kernel;
            }
        }
    }

    /// Adds a copy of all of `from` into `to`, for a captured value.
    ///
    /// # Panics
    /// If `to` is smaller than `from`.
    pub fn copy(&mut self, from: &Tensor, to: &Tensor) {
        assert!(to.buffer().len() >= from.buffer().len(), "copy into a smaller tensor");
        let [from, to] = [from, to].map(|tensor| self.id_of(tensor.buffer()));
        self.recording.entries.push(Entry::Copy { from, to });
    }

    /// The buffer's place in the recording.
    fn id_of(&mut self, buffer: &Buffer) -> BufferId {
        let buffers = &mut self.recording.buffers;
        let known = buffers.iter().rposition(|known| known.is(buffer));
        BufferId(known.unwrap_or_else(|| {
            buffers.push(buffer.clone());
            buffers.len() - 1
        }))
    }
}
