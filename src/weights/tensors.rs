//! A model's tensors, whichever kind of file they are in.

use super::{Gguf, Safetensors, Synthetic, TensorInfo};
use sha2::{Digest, Sha256};

use crate::Result;

/// The tensors of a model, by Hugging Face's names, read on demand.
#[derive(Debug)]
pub enum Weights {
    /// One safetensors file, or several.
    Safetensors(Safetensors),
    /// A GGUF file.
    Gguf(Box<Gguf>),
    /// No file: elements are made up.
    Synthetic(Synthetic),
}

impl Weights {
    /// The names of all tensors, sorted.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Safetensors(files) => files.names().collect(),
            Self::Gguf(file) => file.names().collect(),
            Self::Synthetic(made_up) => made_up.names().collect(),
        }
    }

    /// Type and shape of a tensor; `None` where there is none of this name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        match self {
            Self::Safetensors(files) => files.info(name),
            Self::Gguf(file) => file.info(name),
            Self::Synthetic(made_up) => made_up.info(name),
        }
    }

    /// The file that holds a tensor, for messages; all files where there is none of this name.
    pub fn file_of(&self, name: &str) -> String {
        match self {
            Self::Safetensors(files) => files.file_of(name),
            Self::Gguf(file) => file.label().to_owned(),
            Self::Synthetic(made_up) => made_up.label().to_owned(),
        }
    }

    /// Replaces `buffer` by `num_bytes` of a tensor's bytes, from `start` on.
    ///
    /// # Errors
    /// Bad input where there is no such tensor or it is shorter; otherwise the file cannot be read any more, or the bytes
    /// do not fit into memory.
    pub fn read_part(&self, name: &str, part: (u64, u64), buffer: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Safetensors(files) => files.read_part(name, part, buffer),
            Self::Gguf(file) => file.read_part(name, part, buffer),
            Self::Synthetic(made_up) => made_up.read_part(name, part, buffer),
        }
    }

    /// SHA-256 of the files' bytes in the order of their names, in hexadecimal. Reads every file once.
    ///
    /// # Errors
    /// A file cannot be read any more.
    pub fn sha256(&self) -> Result<String> {
        match self {
            Self::Safetensors(files) => files.sha256(),
            Self::Gguf(file) => Ok(super::hexadecimal(file.hash()?)),
            // There are no bytes: the name makes all of them.
            Self::Synthetic(made_up) => Ok(super::hexadecimal(Sha256::new().chain_update(made_up.label()))),
        }
    }
}
