//! The program of a decoded token, which is compiled before it is used first.

use crate::device::{Device, Program, Recording};
use crate::dispatch::Entry;
use crate::error::Result;

/// A recording, and its program as soon as somebody needs it.
#[derive(Debug)]
pub(super) struct DecodeProgram {
    recording: Recording,
    program: Option<Program>,
}

impl DecodeProgram {
    /// Leaves the recording to the first [`DecodeProgram::get`].
    pub fn later(recording: Recording) -> Self {
        Self { recording, program: None }
    }

    /// The program. The first call compiles it on `device`.
    ///
    /// # Errors
    /// If a shader does not compile, or if the device has no memory left.
    pub fn get(&mut self, device: &Device) -> Result<&Program> {
        match &mut self.program {
            Some(program) => Ok(program),
            missing => {
                let program = device.compile(&self.recording)?;
                self.recording = Recording::default();
                Ok(missing.insert(program))
            }
        }
    }

    /// The number of kernels that a run dispatches.
    pub fn num_dispatches(&self) -> usize {
        match &self.program {
            Some(program) => program.num_dispatches(),
            None => self.recording.entries.iter().filter_map(Entry::dispatch).count(),
        }
    }
}
