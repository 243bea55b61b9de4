//! Kernels: a thin wrapper for each shader, and the registry of all kernels.
//!
//! A kernel has three files of one name. `shaders/NAME.wesl` is the shader. `src/kernels/NAME.rs` (this folder) checks
//! shapes and records a dispatch. `src/cpu/NAME.rs` is the CPU twin, the reference implementation, which defines the
//! kernel's meaning. Kernels that take much time also have a fast form for the CPU device, in `src/cpu/fast`. Wrappers
//! record into a [`Plan`], and any [`crate::Device`] runs a recording.

mod add;
mod add_norm;
mod argmax;
mod attention;
mod attention_merge;
mod attention_probs;
mod attention_subgroups;
mod attention_tile;
mod caches;
mod choices;
mod choose;
mod elementwise;
mod embedding;
mod fusion;
mod gated;
mod geglu;
mod gelu_erf;
mod gelu_tanh;
mod gemm;
mod gemm_kernel;
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
mod matmul;
mod multiply;
mod norm_rope_write;
mod plan;
mod probe;
mod probe_f32;
mod probe_read;
mod qk_norm;
mod rms_norm;
mod rope;
mod search_shape;
mod select_rows;
mod softcap;
mod sweep;
mod swiglu;
mod top_k;
#[doc(hidden)]
pub mod variants;
mod write_heads;
mod zero_columns;

pub use crate::cpu::{DeviceSampling, Epilogue};
pub use add::add;
pub use add_norm::{Residual, add_norm};
pub use argmax::argmax;
pub use attention::{AttentionShape, attention, attention_tiled};
pub use attention_merge::attention_merge;
pub use attention_probs::attention_probs;
pub use attention_tile::AttentionTile;
pub use caches::Caches;
pub use choices::Choices;
pub use choose::choose;
pub use embedding::{Lookup, embedding};
pub use fusion::Fusion;
pub use geglu::geglu;
pub use gelu_erf::gelu_erf;
pub use gelu_tanh::gelu_tanh;
pub use gemm::gemm;
pub use gemm_kernel::GemmKernel;
pub use gemm_matrix::gemm_matrix;
pub use gemm_rows::gemm_rows;
pub use gemm_shared::gemm_shared;
pub use gemv::{gemv, gemv_fused, gemv_shaped};
pub use gemv_residual::gemv_residual;
pub use gemv_shape::GemvShape;
pub use gemv_tokens::gemv_tokens;
pub use kv_write::kv_write;
pub use layer_norm::layer_norm;
pub(crate) use matmul::TOLERANCE as TOLERANCE_OF_PRODUCTS;
pub use matmul::{InputNorm, Matmul, MatmulShape};
pub use multiply::{multiply, multiply_by};
pub use norm_rope_write::norm_rope_write;
pub use plan::{LoweredPlan, Plan, Step};
pub use probe_f32::probe_f32;
pub use probe_read::probe_read;
pub use qk_norm::qk_norm;
pub use rms_norm::rms_norm;
pub use rope::rope;
pub use search_shape::SearchShape;
pub use select_rows::select_rows;
pub use softcap::softcap;
pub use sweep::{AttentionCase, Before, Case, KernelSweep, Mistake, Values};
pub(crate) use sweep::{Inputs, POISON, Setup};
pub use swiglu::swiglu;
pub use top_k::{FOUND_WORDS, MAX_CANDIDATES, top_k};
pub use write_heads::write_heads;
pub use zero_columns::zero_columns;

use crate::dispatch::Kernel;

/// Every kernel with its sweep, in the order of names. `gemm_matrix` appears once for each size of matrices.
pub static REGISTRY: [&KernelSweep; 34] = [
    &add::SWEEP,
    &add_norm::SWEEP,
    &argmax::SWEEP,
    &attention::SWEEP,
    &attention_merge::SWEEP,
    &attention_probs::SWEEP,
    &attention_subgroups::SWEEP,
    &choose::SWEEP,
    &embedding::SWEEP,
    &geglu::SWEEP,
    &gelu_erf::SWEEP,
    &gelu_tanh::SWEEP,
    &gemm::SWEEP,
    &gemm_matrix::SWEEP_8,
    &gemm_matrix::SWEEP_16,
    &gemm_rows::SWEEP,
    &gemm_shared::SWEEP,
    &gemv::SWEEP,
    &gemv_residual::SWEEP,
    &gemv_rows::SWEEP,
    &gemv_tokens::SWEEP,
    &kv_write::SWEEP,
    &layer_norm::SWEEP,
    &norm_rope_write::SWEEP,
    &probe_f32::SWEEP,
    &probe_read::SWEEP,
    &qk_norm::SWEEP,
    &rms_norm::SWEEP,
    &rope::SWEEP,
    &select_rows::SWEEP,
    &softcap::SWEEP,
    &swiglu::SWEEP,
    &top_k::SWEEP,
    &zero_columns::SWEEP,
];

/// The kernels of the registry.
pub fn kernels() -> impl Iterator<Item = &'static Kernel> {
    REGISTRY.iter().map(|sweep| sweep.kernel)
}

#[cfg(test)]
mod tests {
    use super::REGISTRY;

    #[test]
    fn every_kernel_has_cases_and_mistakes() {
        for sweep in REGISTRY {
            assert!((sweep.cases)().len() > 10, "{}", sweep.kernel.name);
            assert!(!sweep.mistakes.is_empty(), "{}", sweep.kernel.name);
            for (text, ..) in sweep.mistakes {
                assert!(sweep.kernel.wgsl.contains(text), "{}: no {text:?} in the shader", sweep.kernel.name);
            }
        }
    }
}
