//! Opens files whose names and metadata depend on families. A lower module reads the bytes, and the families give them
//! a meaning.

use std::borrow::Cow;
use std::path::Path;

use super::family::Family;
use crate::Result;
use crate::weights::{ByteSource, Gguf, ModelFiles};

impl ModelFiles {
    /// Opens a GGUF file, or a folder with `config.json`, `model.safetensors` (or its index) and perhaps
    /// `tokenizer.json`, `generation_config.json` and a chat template.
    ///
    /// # Errors
    ///
    /// Bad input if the path is neither, or if a file is invalid.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_as(path, &Family::architectures())
    }

    /// Opens a GGUF file whose bytes may arrive later; error messages call it `label`.
    ///
    /// # Errors
    ///
    /// Bad input if it is not a GGUF file, or if its header does not match the file.
    pub async fn gguf_from_source(label: &str, bytes: Box<dyn ByteSource>) -> Result<Self> {
        Self::gguf_from_source_as(label, bytes, &Family::architectures()).await
    }
}

impl Gguf {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// Bad input if it is not a GGUF file, or if the header does not match the file.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_as(path, &Family::architectures())
    }

    /// Reads a file from memory. Error messages call it `label`.
    ///
    /// # Errors
    /// See [`Self::open`].
    pub fn from_bytes(label: &str, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        Self::from_bytes_as(label, bytes, &Family::architectures())
    }
}
