//! Weights on disk: which tensors a model's files hold, and their bytes on demand.
//!
//! [`ModelFiles`] is what a model path stands for: `config.json`, the weights and the tokenizer.
//! [`Safetensors`] reads the weights, in one file or in shards. Everything that a file says about itself is
//! checked against the file's real size before it is used.

mod files;
mod header;
mod json;
mod safetensors;
mod shards;
mod source;

pub use files::{GenerationConfig, ModelFiles};
pub use safetensors::Safetensors;

use std::fmt;

/// How a tensor's elements are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// IEEE 754 single precision, 4 bytes.
    F32,
    /// IEEE 754 half precision, 2 bytes.
    F16,
    /// The upper half of an `F32`, 2 bytes.
    Bf16,
    /// A type that files may hold but that nothing computes with, such as the boolean masks in older GPT-2
    /// checkpoints; by the name that the file gives it.
    Other(&'static str),
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::Bf16 => "BF16",
            Dtype::Other(name) => name,
        })
    }
}

/// What a file says about a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// How the elements are stored.
    pub dtype: Dtype,
    /// Outermost dimension first; the last is contiguous. Empty for a scalar.
    pub shape: Vec<usize>,
}
