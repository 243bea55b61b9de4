//! GGUF files of versions 2 and 3: metadata, and tensors that may be quantised.
//!
//! The source is the format's specification in the ggml repository. Every length is checked against the
//! length of the file.

mod architecture;
mod array;
mod config;
mod header;
mod keys;
mod metadata;
mod reader;
mod tensors;
mod vocabulary;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

pub(crate) use architecture::{Architecture, Field};
pub(crate) use config::{FILE_KEYS, ROPE_FREQS};
use metadata::Metadata;

use super::naming::Qkv;
use super::source::Source;
use super::{TensorInfo, hexadecimal};
use crate::text::{ChatTemplate, Tokenizer};
use crate::{Error, Result};

/// An open GGUF file. Its tensors have the names that Hugging Face's files use.
///
/// Rows are as in the file. In a Llama, the rows of queries and keys are ordered differently from Hugging
/// Face's ([`Gguf::interleaves`]). In a Gemma, the weights of norms include the 1 that Hugging Face's leave
/// out.
#[derive(Debug)]
pub struct Gguf {
    source: Source,
    metadata: Metadata,
    /// The meaning of the metadata and the tensors. A file of an unknown architecture can be listed, but not used as a
    /// model.
    architecture: Result<&'static Architecture>,
    /// The tensors by Hugging Face's names. Unknown ones keep their own.
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
    /// [`Self::open`], given the architectures of all families.
    pub(crate) fn open_as(path: &Path, known: &[&'static Architecture]) -> Result<Self> {
        Self::read(Source::open(path)?, known)
    }

    /// [`Self::from_bytes`], given the architectures of all families.
    pub(crate) fn from_bytes_as(
        label: &str,
        bytes: impl Into<Cow<'static, [u8]>>,
        known: &[&'static Architecture],
    ) -> Result<Self> {
        Self::read(Source::from_bytes(label, bytes), known)
    }

    pub(super) fn read(source: Source, known: &[&'static Architecture]) -> Result<Self> {
        let (metadata, tensors) = header::read(&source)?;
        let architecture = metadata.architecture_of(known)?;
        let tensors = tensors.into_iter().map(|(name, tensor)| {
            let renamed = architecture.as_ref().ok().and_then(|known| known.naming.of_gguf(&name));
            (renamed.unwrap_or(name), tensor)
        });
        Ok(Self { tensors: tensors.collect(), source, metadata, architecture })
    }

    /// The model's configuration, in the form of a `config.json`.
    ///
    /// # Errors
    /// Bad input if the architecture is unknown, or if a key is unknown or has an unsupported value.
    pub fn config(&self) -> Result<serde_json::Value> {
        config::config(self)
    }

    /// The name of the model in the metadata, or else the file's name.
    pub fn model_name(&self) -> String {
        let own = self.metadata.text("general.name").ok().flatten().filter(|name| !name.trim().is_empty());
        let path = Path::new(&self.source.label);
        let stem = || path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        own.map_or_else(stem, str::to_owned)
    }

    /// The tokenizer; `None` if the file has none.
    ///
    /// # Errors
    /// Bad input if the tokenizer is invalid or of an unknown kind.
    pub fn tokenizer(&self) -> Result<Option<Tokenizer>> {
        vocabulary::tokenizer(&self.metadata, &self.source.label)
    }

    /// The chat template; `None` if the file has none.
    ///
    /// # Errors
    /// Bad input if the template is invalid.
    pub fn chat_template(&self) -> Result<Option<ChatTemplate>> {
        vocabulary::chat_template(&self.metadata, &self.source.label)
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The type and shape of a tensor; `None` if there is no tensor of this name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name).map(|tensor| &tensor.info)
    }

    /// Whether the rows of each head alternate between the head's halves, as in a Llama's queries and keys.
    /// Row `2 i + j` of a head is Hugging Face's row `j * head_dim / 2 + i`.
    pub fn interleaves(&self, name: &str) -> bool {
        match &self.architecture {
            Ok(Architecture { interleaves: true, naming, .. }) => match &naming.qkv {
                Qkv::Separate([q_proj, k_proj, _]) => {
                    [q_proj, k_proj].iter().any(|part| name.contains(part.file))
                }
                Qkv::Joined(_) => false,
            },
            _ => false,
        }
    }

    /// The name of the file in error messages.
    pub fn label(&self) -> &str {
        &self.source.label
    }

    /// Replaces the contents of `buffer` with `num_bytes` bytes of a tensor, from `start` on.
    ///
    /// # Errors
    /// Bad input if there is no such tensor or if it is shorter; also if the file can no longer be read.
    pub fn read_part(&self, name: &str, (start, num_bytes): (u64, u64), buffer: &mut Vec<u8>) -> Result<()> {
        // Not `fetch_part` at once: the configuration reads a tensor, and a part that has not arrived is asked for by this.
        let offset = self.offset_of(name, (start, num_bytes))?;
        self.source.read_vec(offset, num_bytes, buffer)
    }

    /// Like [`Self::read_part`], for bytes that may arrive later.
    ///
    /// # Errors
    /// See [`Self::read_part`].
    pub async fn fetch_part(
        &self,
        name: &str,
        (start, num_bytes): (u64, u64),
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let offset = self.offset_of(name, (start, num_bytes))?;
        self.source.fetch_vec(offset, num_bytes, buffer).await
    }

    /// Where a part of a tensor begins, from the start of the file.
    fn offset_of(&self, name: &str, (start, num_bytes): (u64, u64)) -> Result<u64> {
        let tensor = self
            .tensors
            .get(name)
            .filter(|tensor| start.checked_add(num_bytes).is_some_and(|end| end <= tensor.num_bytes));
        let tensor = tensor.ok_or_else(|| {
            Error::input(format!("cannot load {name} from {}: no such part of a tensor", self.label()))
        })?;
        Ok(tensor.offset + start)
    }

    /// The SHA-256 of the whole file in hexadecimal. Of a program's source, it is what the source knows, or empty.
    pub(super) fn sha256(&self) -> Result<String> {
        if let Some(arriving) = self.source.as_arriving() {
            return Ok(arriving.bytes.sha256().unwrap_or_default());
        }
        let mut hasher = Sha256::new();
        self.source.hash_into(&mut hasher)?;
        Ok(hexadecimal(hasher))
    }
}
