//! The CPU device's own kernels: the twins' meaning in f32, with vectors as wide as the CPU has and all of its cores.
//!
//! Numbers depend neither on the vectors nor on the number of threads. What the twins copy or add, they do for this
//! device too.

mod activation;
mod attention;
mod embedding;
mod exp;
mod lanes;
mod norm;
mod probe;
mod product;
mod rope;
mod weight;

pub use activation::{geglu, gelu_erf, gelu_tanh, softcap, swiglu};
pub use attention::{attention, attention_probs};
pub use embedding::embedding;
pub use norm::{layer_norm, qk_norm, rms_norm};
pub use probe::{probe_f32, probe_read};
pub use product::{gemm, gemv};
pub use rope::rope;

#[cfg(test)]
mod tests;
