//! The CPU device's own kernels. They compute the same as the twins, in f32, with the widest vectors of the CPU and all
//! of its cores.
//!
//! The results depend neither on the vectors nor on the number of threads. Kernels that copy or add are the twins
//! themselves.

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
