//! The CPU. The twins have a function for each kernel, which defines the result of the kernel. [`fast`] has the
//! functions that the CPU device runs.
//!
//! The sums of the twins are in f64, so that the error of a twin is far below that of the f32 kernel with which it is
//! compared.

mod add;
mod add_norm;
mod argmax;
mod attention;
mod attention_merge;
mod attention_probs;
mod buffer;
mod choose;
mod embedding;
pub mod fast;
mod geglu;
mod gelu_erf;
mod gelu_tanh;
mod gemv;
mod kv_write;
mod layer_norm;
mod norm_rope_write;
mod probe_f32;
mod probe_read;
mod product;
mod program;
mod qk_norm;
mod rms_norm;
mod rope;
mod select_rows;
mod softcap;
mod swiglu;
mod top_k;
mod weight;
mod zero_columns;

pub use add::add;
pub use add_norm::add_norm;
pub use argmax::argmax;
pub use attention::{CacheRows, Heads, attention};
pub use attention_merge::{Splits, attention_merge, attention_partials};
pub use attention_probs::attention_probs;
pub use buffer::Buffer;
pub use choose::{DeviceSampling, choose};
pub use embedding::{Table, embedding};
pub use geglu::geglu;
pub use gelu_erf::gelu_erf;
pub use gelu_tanh::gelu_tanh;
pub use gemv::{Weight, gemv};
pub use kv_write::kv_write;
pub use layer_norm::layer_norm;
pub use norm_rope_write::{Projections, norm_rope_write};
pub use probe_f32::probe_f32;
pub use probe_read::probe_read;
pub use product::{Epilogue, Gemv, Norm, product};
pub use program::Program;
pub use qk_norm::qk_norm;
pub use rms_norm::rms_norm;
pub use rope::rope;
pub use select_rows::select_rows;
pub use softcap::softcap;
pub use swiglu::swiglu;
pub use top_k::top_k;
pub use zero_columns::zero_columns;
