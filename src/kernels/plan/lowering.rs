//! Makes a recording of dispatches: their buffers get ids.

use super::fuse::Stream;
use super::op::Op;
use super::{LoweredPlan, Step};
use crate::device::{Buffer, Recording};
use crate::dispatch::{Access, BufferId, Entry};

/// A lowered plan in the making. Its buffers get ids.
pub(super) struct Lowering {
    plan: LoweredPlan,
    stream: Option<Stream>,
    /// Whether the residual stream is in the spare tensor.
    is_moved: bool,
}

impl Lowering {
    pub fn new(max_tokens: usize, stream: Option<Stream>) -> Self {
        let recording = Recording { max_tokens, ..Recording::default() };
        Self { plan: LoweredPlan { recording, steps: Vec::new() }, stream, is_moved: false }
    }

    pub fn record(&mut self, op: Op) {
        match op {
            Op::Copy { from, to } => {
                let [from, to] = [from, to].map(|tensor| self.id_of(tensor.buffer()));
                self.plan.recording.entries.push(Entry::Copy { from, to });
            }
            Op::Dispatch(dispatch, matmul) => {
                let kernel = dispatch.kernel;
                let dispatch = dispatch.map_buffers(|buffer| self.id_of(&buffer));
                for (index, (id, access)) in dispatch.buffers.iter().zip(kernel.buffers).enumerate() {
                    let mut others = dispatch.buffers.iter().enumerate().filter(|(other, _)| *other != index);
                    assert!(
                        *access == Access::Read || !others.any(|(_, other)| other == id),
                        "{}: buffer {index} is written and bound twice",
                        kernel.name
                    );
                }
                self.plan.steps.push(Step { kernel: kernel.name, matmul });
                self.plan.recording.entries.push(Entry::Dispatch(dispatch));
            }
            other => unreachable!("{other:?} was not lowered"),
        }
    }

    /// The tensors between which the residual stream alternates.
    pub fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    /// Moves the residual stream to the other tensor.
    pub fn move_stream(&mut self) {
        self.is_moved = !self.is_moved;
    }

    /// The buffer's id in the recording.
    fn id_of(&mut self, buffer: &Buffer) -> BufferId {
        let buffer = match &self.stream {
            Some(Stream { x, spare }) if self.is_moved && x.buffer().is(buffer) => spare.buffer(),
            Some(Stream { x, spare }) if self.is_moved && spare.buffer().is(buffer) => x.buffer(),
            _ => buffer,
        };
        let buffers = &mut self.plan.recording.buffers;
        let known = buffers.iter().rposition(|known| known.is(buffer));
        BufferId(known.unwrap_or_else(|| {
            buffers.push(buffer.clone());
            buffers.len() - 1
        }))
    }

    /// Makes the residual stream end in the tensor that the caller knows. If it is in the spare tensor, both change
    /// places from the first dispatch on.
    pub fn finish(mut self) -> LoweredPlan {
        if self.is_moved
            && let Some(Stream { x, spare }) = self.stream.take()
        {
            self.is_moved = false;
            let [x, spare] = [x, spare].map(|tensor| self.id_of(tensor.buffer()));
            self.plan.recording.buffers.swap(x.0, spare.0);
        }
        self.plan
    }
}
