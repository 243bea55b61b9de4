//! Model files: lists their tensors and reads the bytes on demand.
//!
//! [`ModelFiles`] opens a model's configuration, weights and tokenizer. [`Safetensors`] reads weights from
//! one file or from shards. A [`Gguf`] file contains everything. A [`ByteSource`] stands for a file that is
//! elsewhere. All sizes and offsets in a file are checked against its real length before they are used.

mod arriving;
mod causes;
mod files;
mod gguf;
mod header;
#[cfg(feature = "hub")]
pub mod hub;
mod json;
mod naming;
mod safetensors;
mod shards;
mod source;
mod synthetic;
mod tensors;
mod wrappers;

pub(crate) use arriving::at_once;
pub use arriving::{ByteSource, Reading, Shared};
pub(crate) use causes::check_tensors;
pub use files::{FolderContents, GenerationConfig, ModelFiles};
pub use gguf::Gguf;
pub(crate) use gguf::{Architecture, FILE_KEYS, Field, ROPE_FREQS};
pub(crate) use json::excerpt;
pub(crate) use naming::{HEAD, Layout, Name, Naming, NormKind, Qkv, name};
pub use safetensors::Safetensors;
pub use synthetic::Synthetic;
pub use tensors::Weights;

use std::fmt;

use sha2::{Digest, Sha256};

use crate::format::Format;

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
    /// Blocks of quantised weights with their scales.
    Blocks(Format),
    /// A type that sukashi does not compute with, such as that of the boolean masks in older GPT-2
    /// checkpoints; its name in the file.
    Other(&'static str),
}

impl Dtype {
    /// The device's format; `None` if sukashi does not compute with this type.
    pub fn format(self) -> Option<Format> {
        match self {
            Dtype::F32 => Some(Format::F32),
            Dtype::F16 => Some(Format::F16),
            Dtype::Bf16 => Some(Format::Bf16),
            Dtype::Blocks(format) => Some(format),
            Dtype::Other(_) => None,
        }
    }

    /// The bytes of a row of `columns` elements in a file; 0 for [`Self::Other`].
    pub(crate) fn bytes_of(self, columns: usize) -> usize {
        self.format().map_or(0, |format| format.file_bytes(columns))
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dtype::Other(name) => f.write_str(name),
            known => f.write_str(&known.format().map_or("", Format::name).to_uppercase()),
        }
    }
}

impl From<Format> for Dtype {
    fn from(format: Format) -> Self {
        match format {
            Format::F32 => Dtype::F32,
            Format::F16 => Dtype::F16,
            Format::Bf16 => Dtype::Bf16,
            blocks => Dtype::Blocks(blocks),
        }
    }
}

/// The hash in hexadecimal.
pub(crate) fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A tensor's type and shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// How the elements are stored.
    pub dtype: Dtype,
    /// The outermost dimension comes first; the last one is contiguous. Empty for a scalar.
    pub shape: Vec<usize>,
}
