//! Kernels: one thin wrapper per shader, and the registry of all of them.
//!
//! A kernel is a triple of one name: `shaders/NAME.wesl`, `src/kernels/NAME.rs` (this folder: checks shapes, records
//! a dispatch) and `src/cpu/NAME.rs` (the twin, which says what the kernel means); what takes time has a fast form for
//! the CPU device in `src/cpu/fast`. Wrappers record into a [`Plan`]; a plan runs on any [`crate::Device`].

mod add;
mod add_norm;
mod argmax;
mod attention;
mod attention_merge;
mod attention_probs;
mod attention_subgroups;
mod attention_tile;
mod caches;
mod choose;
mod elementwise;
mod embedding;
mod fusion;
mod gated;
mod geglu;
mod gelu_erf;
mod gelu_tanh;
mod gemm;
mod gemm_matrix;
mod gemm_rows;
mod gemm_shared;
mod gemv;
mod gemv_residual;
mod gemv_rows;
mod gemv_shape;
mod gemv_tokens;
mod kv_write;
mod layer_norm;
mod multiply;
mod norm_rope_write;
mod plan;
mod prefill;
mod probe;
mod probe_f32;
mod probe_read;
mod product;
mod qk_norm;
mod requires;
mod rms_norm;
mod rope;
mod search_shape;
mod select_rows;
mod softcap;
mod swiglu;
mod top_k;
mod zero_columns;

pub use add::add;
pub use add_norm::{Residual, add_norm};
pub use argmax::argmax;
pub use attention::{AttentionShape, attention, attention_tiled};
pub use attention_merge::attention_merge;
pub use attention_probs::attention_probs;
pub use attention_tile::AttentionTile;
pub use caches::Caches;
pub use choose::{Choosing, choose};
pub use embedding::{Lookup, embedding};
pub use fusion::Fusion;
pub use geglu::geglu;
pub use gelu_erf::gelu_erf;
pub use gelu_tanh::gelu_tanh;
pub use gemm::gemm;
pub use gemm_matrix::gemm_matrix;
pub use gemm_rows::gemm_rows;
pub use gemm_shared::gemm_shared;
pub use gemv::{gemv, project, project_shaped};
pub use gemv_residual::gemv_residual;
pub use gemv_shape::GemvShape;
pub use gemv_tokens::gemv_tokens;
pub use kv_write::kv_write;
pub use layer_norm::layer_norm;
pub use multiply::{multiply, multiply_by};
pub use norm_rope_write::norm_rope_write;
pub use plan::{Constants, Dispatch, Entry, Plan, Program, Recorder, Step};
pub use prefill::Prefill;
pub use probe_f32::probe_f32;
pub use probe_read::probe_read;
pub(crate) use product::TOLERANCE as TOLERANCE_OF_PRODUCTS;
pub use product::{Epilogue, InputNorm, Product, Projection};
pub use qk_norm::qk_norm;
pub use requires::Requires;
pub use rms_norm::rms_norm;
pub use rope::rope;
pub use search_shape::SearchShape;
pub use select_rows::select_rows;
pub use softcap::softcap;
pub use swiglu::swiglu;
pub use top_k::{FOUND_WORDS, MAX_CANDIDATES, top_k};
pub use zero_columns::zero_columns;

use crate::cpu::Call;

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

/// Every kernel, by name; `gemm_matrix` once for each size of matrices.
pub static REGISTRY: [&Kernel; 34] = [
    &add::KERNEL,
    &add_norm::KERNEL,
    &argmax::KERNEL,
    &attention::KERNEL,
    &attention_merge::KERNEL,
    &attention_probs::KERNEL,
    &attention_subgroups::KERNEL,
    &choose::KERNEL,
    &embedding::KERNEL,
    &geglu::KERNEL,
    &gelu_erf::KERNEL,
    &gelu_tanh::KERNEL,
    &gemm::KERNEL,
    &gemm_matrix::KERNEL_8,
    &gemm_matrix::KERNEL_16,
    &gemm_rows::KERNEL,
    &gemm_shared::KERNEL,
    &gemv::KERNEL,
    &gemv_residual::KERNEL,
    &gemv_rows::KERNEL,
    &gemv_tokens::KERNEL,
    &kv_write::KERNEL,
    &layer_norm::KERNEL,
    &norm_rope_write::KERNEL,
    &probe_f32::KERNEL,
    &probe_read::KERNEL,
    &qk_norm::KERNEL,
    &rms_norm::KERNEL,
    &rope::KERNEL,
    &select_rows::KERNEL,
    &softcap::KERNEL,
    &swiglu::KERNEL,
    &top_k::KERNEL,
    &zero_columns::KERNEL,
];
