//! The parts of a GGUF file that depend on its `general.architecture`. Each family of models describes them.

use serde_json::{Map, Value as Json};

use crate::weights::naming::Naming;

/// A field of `config.json` and its metadata key without the prefix of the architecture.
pub(crate) type Field = (&'static str, &'static str);

/// How GGUF files of a family describe the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Architecture {
    /// The value of `general.architecture`, which is also the prefix of its metadata keys.
    pub name: &'static str,
    /// The `model_type` of Hugging Face's files.
    pub model_type: &'static str,
    /// The keys that are read.
    pub fields: &'static [&'static [Field]],
    /// The names of the tensors.
    pub naming: &'static Naming,
    /// Whether the rows of each head of queries and keys alternate between the head's halves.
    pub interleaves: bool,
    /// Adds what the metadata leave to the reader, given the fields that they have.
    pub complete: fn(&mut Map<String, Json>),
}
