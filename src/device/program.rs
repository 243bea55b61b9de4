//! What was recorded, compiled for a device.

use super::{Buffer, Device};
use crate::dispatch::{Batch, Entry};
use crate::error::Result;
use crate::{cpu, gpu};

/// The dispatches of one pass, in order, and the buffers that they name.
///
/// Shapes are fixed; the number of tokens, up to `max_tokens`, and their position are given at each run.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// In the order in which they run.
    pub entries: Vec<Entry>,
    /// By their [`crate::dispatch::BufferId`].
    pub buffers: Vec<Buffer>,
    /// The most tokens that a run may have.
    pub max_tokens: usize,
}

impl Device {
    /// Makes every pipeline and bind group of `recording`, so that running makes none.
    ///
    /// # Errors
    /// If a shader does not compile on the device, or its memory is used up.
    ///
    /// # Panics
    /// If a buffer is another device's.
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
    /// How many kernels a run dispatches.
    pub fn num_dispatches(&self) -> usize {
        self.num_dispatches
    }

    /// Computes `batch` dispatch by dispatch and gives the seconds that each took: by the adapter's timestamps, where it has them,
    /// otherwise by the clock from its submission until it is done. Makes what it measures with each time.
    ///
    /// # Errors
    /// If the device fails or is lost meanwhile.
    ///
    /// # Panics
    /// As [`Program::run`].
    pub async fn profile(&self, batch: Batch) -> Result<Vec<f64>> {
        assert!(batch.num_tokens as usize <= self.max_tokens, "a batch larger than the plan");
        match &self.executor {
            Executor::Gpu(program) => program.profile(batch).await,
            Executor::Cpu(program) => Ok(program.profile(batch)),
        }
    }

    /// Computes `batch`. On a GPU the work is recorded in `recorder` and runs when that is submitted.
    ///
    /// # Panics
    /// If the batch has more tokens than the plan was made for, or `recorder` belongs to another kind of device.
    pub fn run(&self, batch: Batch, recorder: &mut Recorder) {
        assert!(batch.num_tokens as usize <= self.max_tokens, "a batch larger than the plan");
        match (&self.executor, &mut recorder.0) {
            (Executor::Gpu(program), Some(encoder)) => program.record(batch, encoder),
            (Executor::Cpu(program), None) => program.run(batch),
            _ => panic!("a program runs on the device that it was compiled for"),
        }
    }
}

/// What programs record into before they are submitted together; on the CPU they run at once.
#[derive(Debug)]
pub struct Recorder(pub(super) Option<gpu::Encoder>);
