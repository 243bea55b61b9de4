//! A kernel and a dispatch as data: a recording is the same for every executor.
//!
//! [`crate::gpu`] and [`crate::cpu`] are two executors of the same entries. An entry names its buffers by their [`BufferId`], so that
//! nothing here knows where they live.

mod call;
mod requires;

pub use call::{Call, MAX_BUFFERS, Slot};
pub use requires::Requires;

/// The tokens of one pass, as the shaders' uniform `batch`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Batch {
    /// Position of the first token in its text; of a pass with tokens of several texts, the highest position.
    pub position: u32,
    /// How many tokens the pass computes.
    pub num_tokens: u32,
    /// The first row that `select_rows` takes.
    pub first_row: u32,
    /// Fills the 16 bytes that a uniform's size is rounded to.
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

/// What there is to know about a kernel besides its code.
#[derive(Debug)]
pub struct Kernel {
    /// The one name of shader, entry point, wrapper, twin and label.
    pub name: &'static str,
    /// The shader.
    pub wgsl: &'static str,
    /// Size of the uniform `params`, in bytes.
    pub params_bytes: usize,
    /// What a device must have to run it.
    pub requires: Requires,
    /// Bindings 2 and up, in order; 0 is `params`, 1 is `batch`.
    pub buffers: &'static [Access],
    /// The CPU twin.
    pub twin: fn(&mut Call<'_>),
    /// What the CPU device runs: the twin's meaning in f32, or the twin where that does nothing slowly.
    pub fast: fn(&mut Call<'_>),
    /// How far a result may be from the twin's.
    pub tolerance: Tolerance,
}

/// `|got - want| <= atol + rtol * |want|`; NaN never passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Absolute part.
    pub atol: f32,
    /// Part relative to the wanted value.
    pub rtol: f32,
}

impl Tolerance {
    /// For words that are copied or counted.
    pub const NONE: Self = Self { atol: 0.0, rtol: 0.0 };

    /// The error of `got` as a fraction of what is allowed; above 1 fails, and NaN or infinity gives infinity.
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

/// A buffer's place in the list that a recording keeps of its buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BufferId(pub usize);

/// One kernel on its buffers. While it is recorded, `B` is the buffer itself; in the recording it is an id.
#[derive(Debug, Clone)]
pub struct Dispatch<B = BufferId> {
    /// What runs.
    pub kernel: &'static Kernel,
    /// The uniform `params`, as bytes.
    pub params: Vec<u8>,
    /// The shader's constants; they change speed, never meaning, so the twin does not see them.
    pub constants: Constants,
    /// Bindings 2 and up.
    pub buffers: Vec<B>,
    /// Workgroups for each block of tokens.
    pub groups_per_block: u32,
    /// Tokens in such a block.
    pub tokens_per_block: u32,
    /// The fewest positions that a pass must see, its own included, for this dispatch to have anything to do: shorter passes skip
    /// it. 0 for a dispatch that every pass needs.
    pub min_kv_len: u32,
}

impl<B> Dispatch<B> {
    /// The same dispatch on what `to` makes of its buffers.
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
    /// A copy of whole buffers, for captured values. It interrupts the pass, so a decode loop has none.
    Copy {
        /// Read.
        from: BufferId,
        /// Written; at least as long.
        to: BufferId,
    },
}

impl Entry {
    /// The kernel on its buffers, if it is one.
    pub fn dispatch(&self) -> Option<&Dispatch> {
        match self {
            Self::Dispatch(dispatch) => Some(dispatch),
            Self::Copy { .. } => None,
        }
    }
}
