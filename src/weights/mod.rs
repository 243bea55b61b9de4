//! Weights on disk: which tensors a model's files hold, and their bytes on demand.
//!
//! [`ModelFiles`] is what a model path stands for: `config.json`, the weights and the tokenizer.
//! [`Safetensors`] reads the weights in one file or in shards, [`Gguf`] all of it in one file. Everything that a file says about itself is
//! checked against the file's real size before it is used.

mod causes;
mod files;
mod gguf;
mod header;
#[cfg(feature = "hub")]
pub mod hub;
mod json;
mod safetensors;
mod shards;
mod source;
mod synthetic;
mod tensors;
mod wrappers;

pub(crate) use causes::check_tensors;
pub use files::{GenerationConfig, ModelFiles};
pub use gguf::Gguf;
pub(crate) use gguf::{FILE_KEYS, ROPE_FREQS, repack};
pub(crate) use json::excerpt;
pub use safetensors::Safetensors;
pub use synthetic::Synthetic;
pub use tensors::Weights;

use std::fmt;

use sha2::{Digest, Sha256};

use crate::tensor::Format;

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
    /// Blocks of quants with their scales.
    Blocks(Format),
    /// A type that files may hold but that nothing computes with, such as the boolean masks in older GPT-2
    /// checkpoints; by the name that the file gives it.
    Other(&'static str),
}

impl Dtype {
    /// The device's format for it; `None` where nothing computes with it.
    pub fn format(self) -> Option<Format> {
        match self {
            Dtype::F32 => Some(Format::F32),
            Dtype::F16 => Some(Format::F16),
            Dtype::Bf16 => Some(Format::Bf16),
            Dtype::Blocks(format) => Some(format),
            Dtype::Other(_) => None,
        }
    }

    /// Bytes of a row of `columns` elements in a file; 0 for what nothing computes with.
    pub(crate) fn bytes_of(self, columns: usize) -> usize {
        match self {
            Dtype::F32 => 4 * columns,
            Dtype::F16 | Dtype::Bf16 => 2 * columns,
            Dtype::Blocks(format) => columns / format.block_columns() * gguf::block_bytes(format),
            Dtype::Other(_) => 0,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::Bf16 => "BF16",
            Dtype::Blocks(format) => return f.write_str(&format.name().to_uppercase()),
            Dtype::Other(name) => name,
        })
    }
}

/// What was hashed, as it is written.
pub(crate) fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a file says about a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// How the elements are stored.
    pub dtype: Dtype,
    /// Outermost dimension first; the last is contiguous. Empty for a scalar.
    pub shape: Vec<usize>,
}
