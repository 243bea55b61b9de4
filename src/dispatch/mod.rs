//! Kernels and dispatches as data. A recording is the same for every executor.
//!
//! [`crate::gpu`] and [`crate::cpu`] are two executors of the same entries. An entry names its buffers by their
//! [`BufferId`], so that this module does not depend on a device's memory.

mod call;
mod requires;

pub use call::{Call, MAX_BUFFERS, Slot};
pub use requires::Requires;

/// The tokens of one pass, as the shaders' uniform `batch`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Batch {
    /// The position of the first token in its sequence. In a pass with tokens of several sequences, it is the highest
    /// position.
    pub position: u32,
    /// The number of tokens that the pass computes.
    pub num_tokens: u32,
    /// The first row that `select_rows` takes.
    pub first_row: u32,
    /// Fills up the uniform to 16 bytes.
    pub unused: u32,
}

/// How a kernel uses a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`.
    Read,
    /// `var<storage, read_write>`.
    ReadWrite,
}

/// The properties of a kernel besides its code.
#[derive(Debug)]
pub struct Kernel {
    /// The name of shader, entry point, wrapper, twin and label.
    pub name: &'static str,
    /// The shader.
    pub wgsl: &'static str,
    /// The size of the uniform `params` in bytes.
    pub params_bytes: usize,
    /// What a device must have to run the kernel.
    pub requires: Requires,
    /// The bindings from 2 on in their order. Binding 0 is `params`, and 1 is `batch`.
    pub buffers: &'static [Access],
    /// The CPU twin.
    pub twin: fn(&mut Call<'_>),
    /// The function that the CPU device runs. It computes the same as the twin in f32. If the twin is already fast, it
    /// is the twin.
    pub fast: fn(&mut Call<'_>),
    /// How far a result may be from that of the twin.
    pub tolerance: Tolerance,
}

/// A tolerance: `|got - want| <= atol + rtol * |want|`. NaN never passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// The absolute part.
    pub atol: f32,
    /// The part relative to the wanted value.
    pub rtol: f32,
}

impl Tolerance {
    /// The tolerance of words that are copied or counted.
    pub const NONE: Self = Self { atol: 0.0, rtol: 0.0 };

    /// Returns the error of `got` as a fraction of the allowed error. Above 1, the value fails. NaN and infinity give
    /// infinity.
    pub fn error(&self, got: f32, want: f32) -> f64 {
        if !got.is_finite() || !want.is_finite() {
            return f64::INFINITY;
        }
        let difference = (f64::from(got) - f64::from(want)).abs();
        let allowed = f64::from(self.atol) + f64::from(self.rtol) * f64::from(want.abs());
        if difference == 0.0 { 0.0 } else { difference / allowed }
    }
}

/// Values for a shader's `override` constants.
pub type Constants = Vec<(&'static str, f64)>;

/// The index of a buffer in a recording's list of buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BufferId(pub usize);

/// A kernel on its buffers. During recording, `B` is the buffer itself. In the recording, it is an id.
#[derive(Debug, Clone)]
pub struct Dispatch<B = BufferId> {
    /// The kernel that runs.
    pub kernel: &'static Kernel,
    /// The bytes of the uniform `params`.
    pub params: Vec<u8>,
    /// The shader's constants. They change the speed and never the result, so the twin does not get them.
    pub constants: Constants,
    /// The bindings from 2 on.
    pub buffers: Vec<B>,
    /// The number of workgroups for each block of tokens.
    pub groups_per_block: u32,
    /// The number of tokens in a block.
    pub tokens_per_block: u32,
    /// The fewest positions that a pass must attend to, with its own, so that this dispatch has work to do. Shorter
    /// passes skip it. It is 0 for a dispatch that every pass needs.
    pub min_kv_len: u32,
}

impl<B> Dispatch<B> {
    /// Returns the same dispatch on the buffers that `to` returns for its own.
    pub fn map_buffers<C>(self, to: impl FnMut(B) -> C) -> Dispatch<C> {
        let Self { kernel, params, constants, buffers, groups_per_block, tokens_per_block, min_kv_len } =
            self;
        let buffers = buffers.into_iter().map(to).collect();
        Dispatch { kernel, params, constants, buffers, groups_per_block, tokens_per_block, min_kv_len }
    }
}

/// An entry of a recording.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A kernel on its buffers.
    Dispatch(Dispatch),
    /// A copy of whole buffers for captured values. It interrupts the pass, so a decode loop has no copies.
    Copy {
        /// The buffer to read.
        from: BufferId,
        /// The buffer to write, which is at least as long.
        to: BufferId,
    },
}

impl Entry {
    /// Returns the dispatch, if the entry is one.
    pub fn dispatch(&self) -> Option<&Dispatch> {
        match self {
            Self::Dispatch(dispatch) => Some(dispatch),
            Self::Copy { .. } => None,
        }
    }
}
