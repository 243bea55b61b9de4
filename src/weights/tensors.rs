//! A model's tensors, from any kind of file.

use super::{Gguf, Safetensors, Synthetic, TensorInfo};
use sha2::{Digest, Sha256};

use crate::Result;

/// The tensors of a model by Hugging Face's names, read on demand.
#[derive(Debug)]
pub enum Weights {
    /// One or more safetensors files.
    Safetensors(Safetensors),
    /// A GGUF file.
    Gguf(Box<Gguf>),
    /// Generated elements, without a file.
    Synthetic(Synthetic),
}

impl Weights {
    /// The names of all tensors, sorted.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Safetensors(files) => files.names().collect(),
            Self::Gguf(file) => file.names().collect(),
            Self::Synthetic(synthetic) => synthetic.names().collect(),
        }
    }

    /// The type and shape of a tensor; `None` if there is no tensor of this name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        match self {
            Self::Safetensors(files) => files.info(name),
            Self::Gguf(file) => file.info(name),
            Self::Synthetic(synthetic) => synthetic.info(name),
        }
    }

    /// The file that contains a tensor, for messages; all files if there is no tensor of this name.
    pub fn file_of(&self, name: &str) -> String {
        match self {
            Self::Safetensors(files) => files.file_of(name),
            Self::Gguf(file) => file.label().to_owned(),
            Self::Synthetic(synthetic) => synthetic.label().to_owned(),
        }
    }

    /// Replaces the contents of `buffer` with a part of a tensor's bytes: a start and a number of bytes.
    ///
    /// # Errors
    /// Bad input if there is no such tensor or if it is shorter; also if the file can no longer be read, or
    /// if the bytes do not fit into memory.
    pub fn read_part(&self, name: &str, part: (u64, u64), buffer: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Safetensors(files) => files.read_part(name, part, buffer),
            Self::Gguf(file) => file.read_part(name, part, buffer),
            Self::Synthetic(synthetic) => synthetic.read_part(name, part, buffer),
        }
    }

    /// Like [`Self::read_part`], for bytes that may arrive later.
    ///
    /// # Errors
    /// See [`Self::read_part`].
    pub async fn fetch_part(&self, name: &str, part: (u64, u64), buffer: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Safetensors(files) => files.fetch_part(name, part, buffer).await,
            Self::Gguf(file) => file.fetch_part(name, part, buffer).await,
            Self::Synthetic(synthetic) => synthetic.read_part(name, part, buffer),
        }
    }

    /// The SHA-256 of all files in the order of their names, in hexadecimal. Reads every file once, but no
    /// [`ByteSource`](super::ByteSource): a model is loaded in the order of its layers, and a hash needs that of the file. If the
    /// source does not know the hash, it is empty.
    ///
    /// # Errors
    /// If a file can no longer be read.
    pub fn sha256(&self) -> Result<String> {
        match self {
            Self::Safetensors(files) => files.sha256(),
            Self::Gguf(file) => file.sha256(),
            // The name determines all bytes.
            Self::Synthetic(synthetic) => {
                Ok(super::hexadecimal(Sha256::new().chain_update(synthetic.label())))
            }
        }
    }
}
