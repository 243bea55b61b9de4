//! Recordings, and programs that are compiled from them for a device.

use super::{Buffer, Device};
use crate::dispatch::{Batch, Entry};
use crate::error::Result;
use crate::{cpu, gpu};

/// The dispatches of one pass in their order, and the buffers that they name.
///
/// Shapes are fixed. Each run gives the number of tokens, up to `max_tokens`, and their position.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// The entries in the order in which they run.
    pub entries: Vec<Entry>,
    /// The buffers by their [`crate::dispatch::BufferId`].
    pub buffers: Vec<Buffer>,
    /// The most tokens that a run may have.
    pub max_tokens: usize,
}

impl Device {
    /// Makes every pipeline and bind group of `recording`, so that a run makes none.
    ///
    /// # Errors
    /// If a shader does not compile on the device, or if the device has no memory left.
    ///
    /// # Panics
    /// If a buffer belongs to another device.
    pub fn compile(&self, recording: &Recording) -> Result<Program> {
        let Recording { entries, buffers, max_tokens } = recording;
        let cpu = |function| {
            let buffers = buffers.iter().map(|buffer| buffer.cpu().clone()).collect();
            Executor::Cpu(cpu::Program::new(entries.clone(), buffers, function))
        };
        let executor = match self {
            Self::Gpu(gpu) => {
                let buffers: Vec<&gpu::Buffer> = buffers.iter().map(Buffer::gpu).collect();
                Executor::Gpu(gpu::Program::new(gpu, entries, &buffers)?)
            }
            Self::Cpu => cpu(|kernel| kernel.fast),
            Self::Twins => cpu(|kernel| kernel.twin),
        };
        let num_dispatches = entries.iter().filter_map(Entry::dispatch).count();
        Ok(Program { max_tokens: *max_tokens, num_dispatches, executor })
    }
}

/// A compiled recording.
#[derive(Debug)]
pub struct Program {
    max_tokens: usize,
    num_dispatches: usize,
    executor: Executor,
}

#[derive(Debug)]
enum Executor {
    Gpu(gpu::Program),
    Cpu(cpu::Program),
}

impl Program {
    /// Returns the number of kernels that a run dispatches.
    pub fn num_dispatches(&self) -> usize {
        self.num_dispatches
    }

    /// Computes `batch` dispatch by dispatch, and returns the seconds of each. The adapter's timestamps measure them.
    /// An adapter without timestamps falls back to the clock, from the submission until the work is done. Each call
    /// makes its own queries and buffers.
    ///
    /// # Errors
    /// If the device fails or is lost.
    ///
    /// # Panics
    /// The same as [`Program::run`].
    pub async fn profile(&self, batch: Batch) -> Result<Vec<f64>> {
        assert!(batch.num_tokens as usize <= self.max_tokens, "a batch larger than the plan");
        match &self.executor {
            Executor::Gpu(program) => program.profile(batch).await,
            Executor::Cpu(program) => Ok(program.profile(batch)),
        }
    }

    /// Computes `batch`. On a GPU, `recorder` records the work, which runs when the recorder is submitted.
    ///
    /// # Panics
    /// If the batch has more tokens than the plan allows, or if `recorder` belongs to another kind of device.
    pub fn run(&self, batch: Batch, recorder: &mut Recorder) {
        assert!(batch.num_tokens as usize <= self.max_tokens, "a batch larger than the plan");
        match (&self.executor, &mut recorder.0) {
            (Executor::Gpu(program), Some(encoder)) => program.record(batch, encoder),
            (Executor::Cpu(program), None) => program.run(batch),
            _ => panic!("a program runs on the device that it was compiled for"),
        }
    }
}

/// A recorder, into which several programs record before they are submitted together. On the CPU, programs run at once.
#[derive(Debug)]
pub struct Recorder(pub(super) Option<gpu::Encoder>);
