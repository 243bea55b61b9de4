//! The arguments of a twin.

use super::Batch;

/// The greatest number of buffers that a kernel binds.
pub const MAX_BUFFERS: usize = 8;

/// The arguments of a twin.
#[derive(Debug)]
pub struct Call<'a> {
    /// The bytes of the uniform `params`. [`Call::params`] reads them.
    pub bytes: &'a [u8],
    /// The tokens of the pass.
    pub batch: Batch,
    /// The kernel's buffers, in the order of its bindings.
    pub slots: [Slot<'a>; MAX_BUFFERS],
}

impl Call<'_> {
    /// Returns the uniform `params`.
    pub fn params<P: bytemuck::AnyBitPattern>(&self) -> P {
        bytemuck::pod_read_unaligned(self.bytes)
    }
}

/// A buffer in the form that a twin gets.
#[derive(Debug, Default)]
pub enum Slot<'a> {
    /// The slot is past the kernel's last binding.
    #[default]
    Unused,
    /// The buffer is bound for reading.
    Read(&'a [u32]),
    /// The buffer is bound for reading and writing.
    Write(&'a mut [u32]),
}

impl Slot<'_> {
    /// Returns the words.
    pub fn words(&self) -> &[u32] {
        match self {
            Self::Unused => &[],
            Self::Read(words) => words,
            Self::Write(words) => words,
        }
    }

    /// Returns the words as f32.
    pub fn floats(&self) -> &[f32] {
        bytemuck::cast_slice(self.words())
    }

    /// Returns the words for writing.
    ///
    /// # Panics
    /// The same as [`Self::floats_mut`].
    pub fn words_mut(&mut self) -> &mut [u32] {
        match self {
            Self::Write(words) => words,
            _ => panic!("a twin writes to a buffer that is bound for reading"),
        }
    }

    /// Returns the words as f32 for writing.
    ///
    /// # Panics
    /// If the slot is bound for reading. The kernel's table of buffers is then wrong.
    pub fn floats_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(self.words_mut())
    }
}
