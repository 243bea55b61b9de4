//! Runs a plan on the CPU.

use std::sync::{RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use crate::kernels::{Access, Batch, Dispatch, Entry, Kernel};

/// The most buffers that a kernel binds.
const MAX_BUFFERS: usize = 8;

/// What a twin is called with.
#[derive(Debug)]
pub struct Call<'a> {
    params: &'a [u8],
    /// The tokens of the pass.
    pub batch: Batch,
    /// The kernel's buffers, in the order of its bindings.
    pub slots: [Slot<'a>; MAX_BUFFERS],
}

impl Call<'_> {
    /// The uniform `params`.
    pub fn params<P: bytemuck::AnyBitPattern>(&self) -> P {
        bytemuck::pod_read_unaligned(self.params)
    }
}

/// A buffer as a twin sees it.
#[derive(Debug, Default)]
pub enum Slot<'a> {
    /// Past the kernel's last binding.
    #[default]
    Unused,
    /// Bound for reading.
    Read(&'a [u32]),
    /// Bound for reading and writing.
    Write(&'a mut [u32]),
}

impl Slot<'_> {
    /// The words.
    pub fn words(&self) -> &[u32] {
        match self {
            Self::Unused => &[],
            Self::Read(words) => words,
            Self::Write(words) => words,
        }
    }

    /// The words as f32.
    pub fn floats(&self) -> &[f32] {
        bytemuck::cast_slice(self.words())
    }

    /// The words, to be written.
    ///
    /// # Panics
    /// As [`Self::floats_mut`].
    pub fn words_mut(&mut self) -> &mut [u32] {
        match self {
            Self::Write(words) => words,
            _ => panic!("a twin writes to a buffer that is bound for reading"),
        }
    }

    /// The words as f32, to be written.
    ///
    /// # Panics
    /// If the slot is bound for reading: the kernel's table of buffers is wrong.
    pub fn floats_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(self.words_mut())
    }
}

enum Guard<'a> {
    Read(RwLockReadGuard<'a, Vec<u32>>),
    Write(RwLockWriteGuard<'a, Vec<u32>>),
}

/// A function of a kernel.
type Function = fn(&mut Call<'_>);

/// A plan for the twins, or for what the CPU device has in their place.
#[derive(Debug)]
pub struct Program {
    entries: Vec<Entry>,
    function: fn(&Kernel) -> Function,
}

impl Program {
    pub(crate) fn new(entries: Vec<Entry>, function: fn(&Kernel) -> Function) -> Self {
        Self { entries, function }
    }

    pub(crate) fn run(&self, batch: Batch) {
        // All of a pass on a thread of the pool: handing over each kernel alone would cost more than many of them take.
        rayon::scope(|_| {
            for entry in &self.entries {
                self.run_entry(entry, batch);
            }
        });
    }

    /// Seconds of each dispatch.
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
            // The CPU device splits nothing, and what has nothing to do costs a twin next to nothing: `beyond` is not looked at.
            Entry::Dispatch(dispatch) => run_dispatch(dispatch, (self.function)(dispatch.kernel), batch),
            Entry::Copy { from, to } => {
                let from = from.read_words();
                to.write_words()[..from.len()].copy_from_slice(&from);
            }
        }
    }
}

fn run_dispatch(dispatch: &Dispatch, function: Function, batch: Batch) {
    let mut guards: [Option<Guard<'_>>; MAX_BUFFERS] = Default::default();
    for ((guard, buffer), access) in guards.iter_mut().zip(&dispatch.buffers).zip(dispatch.kernel.buffers) {
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
    function(&mut Call { params: &dispatch.params, batch, slots });
}
