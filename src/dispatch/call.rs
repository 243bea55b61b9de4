//! What a twin is called with.

use super::Batch;

/// The most buffers that a kernel binds.
pub const MAX_BUFFERS: usize = 8;

/// What a twin is called with.
#[derive(Debug)]
pub struct Call<'a> {
    /// The uniform `params`, as bytes; [`Call::params`] reads them.
    pub bytes: &'a [u8],
    /// The tokens of the pass.
    pub batch: Batch,
    /// The kernel's buffers, in the order of its bindings.
    pub slots: [Slot<'a>; MAX_BUFFERS],
}

impl Call<'_> {
    /// The uniform `params`.
    pub fn params<P: bytemuck::AnyBitPattern>(&self) -> P {
        bytemuck::pod_read_unaligned(self.bytes)
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
