//! Runs a recording on the CPU.

use std::sync::{RwLockReadGuard, RwLockWriteGuard};

use web_time::Instant;

use super::Buffer;
use crate::dispatch::{Access, Batch, Call, Dispatch, Entry, Kernel, MAX_BUFFERS, Slot};

enum Guard<'a> {
    Read(RwLockReadGuard<'a, Vec<u32>>),
    Write(RwLockWriteGuard<'a, Vec<u32>>),
}

/// The function of a kernel.
type Function = fn(&mut Call<'_>);

/// A recording for the twins, or for the functions of the CPU device.
#[derive(Debug)]
pub struct Program {
    entries: Vec<Entry>,
    /// The buffers by their ids in the entries.
    buffers: Vec<Buffer>,
    function: fn(&Kernel) -> Function,
}

impl Program {
    pub(crate) fn new(entries: Vec<Entry>, buffers: Vec<Buffer>, function: fn(&Kernel) -> Function) -> Self {
        Self { entries, buffers, function }
    }

    pub(crate) fn run(&self, batch: Batch) {
        // A thread of the pool runs the whole pass. Starting each kernel from outside would take longer than many
        // kernels do.
        rayon::scope(|_| {
            for entry in &self.entries {
                self.run_entry(entry, batch);
            }
        });
    }

    /// Returns the seconds of each dispatch.
    pub(crate) fn profile(&self, batch: Batch) -> Vec<f64> {
        let mut seconds = Vec::with_capacity(self.entries.len());
        rayon::scope(|_| {
            for entry in &self.entries {
                let start = Instant::now();
                self.run_entry(entry, batch);
                if entry.dispatch().is_some() {
                    seconds.push(start.elapsed().as_secs_f64());
                }
            }
        });
        seconds
    }

    fn run_entry(&self, entry: &Entry, batch: Batch) {
        match entry {
            // The CPU device has no splits, and a twin without work takes almost no time. So `min_kv_len` is ignored.
            Entry::Dispatch(dispatch) => self.run_dispatch(dispatch, batch),
            Entry::Copy { from, to } => {
                let from = self.buffers[from.0].read_words();
                self.buffers[to.0].write_words()[..from.len()].copy_from_slice(&from);
            }
        }
    }

    fn run_dispatch(&self, dispatch: &Dispatch, batch: Batch) {
        let mut guards: [Option<Guard<'_>>; MAX_BUFFERS] = Default::default();
        for ((guard, id), access) in guards.iter_mut().zip(&dispatch.buffers).zip(dispatch.kernel.buffers) {
            let buffer = &self.buffers[id.0];
            *guard = Some(match access {
                Access::Read => Guard::Read(buffer.read_words()),
                Access::ReadWrite => Guard::Write(buffer.write_words()),
            });
        }
        let mut slots: [Slot<'_>; MAX_BUFFERS] = Default::default();
        for (slot, guard) in slots.iter_mut().zip(&mut guards) {
            *slot = match guard {
                None => Slot::Unused,
                Some(Guard::Read(words)) => Slot::Read(words),
                Some(Guard::Write(words)) => Slot::Write(words),
            };
        }
        (self.function)(dispatch.kernel)(&mut Call { bytes: &dispatch.params, batch, slots });
    }
}
