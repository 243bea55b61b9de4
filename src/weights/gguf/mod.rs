//! GGUF files, versions 2 and 3: metadata, and tensors that may be quantised.
//!
//! Source: the format's specification in the documents of ggml. A file is read where it lies, with every length checked
//! against the bytes that are there.

mod array;
mod blocks;
mod config;
mod header;
mod keys;
mod metadata;
mod names;
mod reader;
mod tensors;
mod vocabulary;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

pub(crate) use blocks::repack;
pub(crate) use config::{FILE_KEYS, ROPE_FREQS};
use metadata::Metadata;
pub(super) use tensors::block_bytes;

use super::TensorInfo;
use super::source::Source;
use crate::text::{ChatTemplate, Tokenizer};
use crate::{Error, Result};

/// An open GGUF file. Tensors have the names that Hugging Face's files give them.
///
/// Rows are as in the file: those of a Llama's queries and keys are in another order than Hugging Face's
/// ([`Gguf::interleaves`]), and Gemma's norms have their 1 added.
#[derive(Debug)]
pub struct Gguf {
    source: Source,
    metadata: Metadata,
    /// By Hugging Face's name; what has none keeps its own.
    tensors: BTreeMap<String, Tensor>,
}

/// A tensor and where its bytes are.
#[derive(Debug)]
struct Tensor {
    info: TensorInfo,
    /// From the start of the file.
    offset: u64,
    num_bytes: u64,
}

impl Gguf {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// Bad input where the file is not what its header says, or is no GGUF file.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(Source::open(path)?)
    }

    /// The file whose bytes are in memory; messages call it `label`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(label: &str, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        Self::read(Source::from_bytes(label, bytes))
    }

    fn read(source: Source) -> Result<Self> {
        let (metadata, tensors) = header::read(&source)?;
        let family = metadata.architecture()?.to_owned();
        let tensors = tensors.into_iter().map(|(name, tensor)| (names::hugging_face(&family, &name), tensor));
        Ok(Self { tensors: tensors.collect(), source, metadata })
    }

    /// What the file says of the model, in the fields of a `config.json`.
    ///
    /// # Errors
    /// Bad input where the architecture is unknown or the scaling of rotary positions cannot be read.
    pub fn config(&self) -> Result<serde_json::Value> {
        config::config(self)
    }

    /// The name that the file gives its model, or the file's own.
    pub fn model_name(&self) -> String {
        let own = self.metadata.text("general.name").ok().flatten().filter(|name| !name.trim().is_empty());
        let path = Path::new(&self.source.label);
        let stem = || path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        own.map_or_else(stem, str::to_owned)
    }

    /// The tokenizer; `None` where the file has none.
    ///
    /// # Errors
    /// Bad input where it contradicts itself or is of an unknown kind.
    pub fn tokenizer(&self) -> Result<Option<Tokenizer>> {
        vocabulary::tokenizer(&self.metadata, &self.source.label)
    }

    /// The template of a chat; `None` where the file has none.
    ///
    /// # Errors
    /// Bad input where it cannot be used.
    pub fn chat_template(&self) -> Result<Option<ChatTemplate>> {
        vocabulary::chat_template(&self.metadata, &self.source.label)
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Type and shape of a tensor; `None` where there is none of this name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name).map(|tensor| &tensor.info)
    }

    /// Whether the rows of each head of this tensor alternate between the head's halves, as those of a Llama's queries and
    /// keys do: row `2 i + j` of a head is Hugging Face's row `j * head_dim / 2 + i`.
    pub fn interleaves(&self, name: &str) -> bool {
        self.metadata.architecture().is_ok_and(|name| name == "llama")
            && [".q_proj.", ".k_proj."].iter().any(|part| name.contains(part))
    }

    /// What messages call the file.
    pub fn label(&self) -> &str {
        &self.source.label
    }

    /// Replaces `buffer` by `num_bytes` bytes of a tensor, from `start` on.
    ///
    /// # Errors
    /// Bad input where there is no such tensor or it is shorter; otherwise the file cannot be read any more.
    pub fn read_part(&self, name: &str, (start, num_bytes): (u64, u64), buffer: &mut Vec<u8>) -> Result<()> {
        let tensor = self
            .tensors
            .get(name)
            .filter(|tensor| start.checked_add(num_bytes).is_some_and(|end| end <= tensor.num_bytes));
        let tensor = tensor.ok_or_else(|| {
            Error::input(format!("cannot load {name} from {}: no such part of a tensor", self.label()))
        })?;
        self.source.read_vec(tensor.offset + start, num_bytes, buffer)
    }

    /// Adds every byte of the file to `hasher`.
    pub(super) fn hash(&self) -> Result<Sha256> {
        let mut hasher = Sha256::new();
        self.source.hash_into(&mut hasher)?;
        Ok(hasher)
    }
}
