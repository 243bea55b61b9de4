//! The families of models. A family's file describes all of it: its files, fields, keys and tensors, and how to read a
//! [`DecoderSpec`] from them.
//!
//! A new family that differs little from another takes its own file, and a line in each of the two lists below.

mod gemma3;
mod gpt2;
mod llama;
mod mistral;
mod qwen2;
mod qwen3;

use std::fmt;

use super::config::Config;
use super::fields::Known;
use super::spec::DecoderSpec;
use crate::Result;
use crate::weights::{Architecture, Naming};

/// All families, in the order in which messages list them.
pub(super) static FAMILIES: [&Family; 6] =
    [&gpt2::GPT2, &gemma3::GEMMA3, &llama::LLAMA, &mistral::MISTRAL, &qwen2::QWEN2, &qwen3::QWEN3];

/// A family of models. It knows how files describe its decoders, and the names of their tensors.
pub struct Family {
    /// The `model_type` of its text models.
    pub(super) name: &'static str,
    /// Each `model_type` of its files, and the class that `architectures` names.
    pub(super) model_types: &'static [(&'static str, &'static str)],
    /// Reads a configuration.
    pub(super) read: fn(&Config<'_>) -> Result<DecoderSpec>,
    /// The fields that a configuration may have.
    pub(super) fields: Known,
    /// The fields that may stand around a `text_config`; `None` if the family has no such form.
    pub(super) fields_around_text: Option<Known>,
    /// The names of the tensors.
    pub(super) naming: &'static Naming,
    /// The description of the family's models in GGUF files; `None` if they name another family's architecture.
    pub(super) gguf: Option<Architecture>,
}

impl Family {
    /// The family's `model_type`, such as `gpt2`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The family of a configuration. It is given by `model_type`, or if this is missing, by the class.
    pub(super) fn of(model_type: Option<&str>, class: Option<&str>) -> Option<&'static Self> {
        let is_named = |(name, known): &(&str, &str)| match model_type {
            Some(model_type) => model_type == *name,
            None => class == Some(known),
        };
        FAMILIES.into_iter().find(|family| family.model_types.iter().any(is_named))
    }

    /// Lists all families for messages, as `model_type (class), …`.
    pub(super) fn list() -> String {
        let names = FAMILIES.iter().flat_map(|family| family.model_types);
        Vec::from_iter(names.map(|(name, class)| format!("{name} ({class})"))).join(", ")
    }

    /// The architectures of GGUF files that belong to a family.
    pub(super) fn architectures() -> Vec<&'static Architecture> {
        FAMILIES.iter().filter_map(|family| family.gguf.as_ref()).collect()
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Family {}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Family").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_described_once() {
        let mut names = Vec::from_iter(FAMILIES.iter().flat_map(|family| family.model_types));
        let count = names.len();
        names.sort();
        names.dedup_by_key(|(model_type, _)| *model_type);
        assert_eq!(names.len(), count, "a model_type of two families");
        for family in FAMILIES {
            assert!(family.model_types.iter().any(|(name, _)| *name == family.name), "{family:?}");
            assert!(family.gguf.is_none_or(|gguf| Family::of(Some(gguf.model_type), None) == Some(family)));
        }
    }

    #[test]
    fn names_of_gguf_are_those_of_the_other_files() {
        for (architecture, name, want) in [
            ("llama", "token_embd.weight", Some("model.embed_tokens.weight")),
            ("llama", "output.weight", Some("lm_head.weight")),
            ("llama", "blk.12.attn_q.weight", Some("model.layers.12.self_attn.q_proj.weight")),
            ("llama", "blk.0.ffn_norm.weight", Some("model.layers.0.post_attention_layernorm.weight")),
            ("llama", "blk.0.post_attention_norm.weight", None),
            ("llama", "blk.01.ffn_norm.weight", None),
            ("gemma3", "blk.0.ffn_norm.weight", Some("model.layers.0.pre_feedforward_layernorm.weight")),
            (
                "gemma3",
                "blk.0.post_attention_norm.weight",
                Some("model.layers.0.post_attention_layernorm.weight"),
            ),
            ("qwen2", "blk.1.attn_v.bias", Some("model.layers.1.self_attn.v_proj.bias")),
            ("qwen3", "blk.1.attn_k_norm.weight", Some("model.layers.1.self_attn.k_norm.weight")),
            ("gpt2", "blk.2.attn_qkv.bias", Some("h.2.attn.c_attn.bias")),
            ("gpt2", "position_embd.weight", Some("wpe.weight")),
            ("gpt2", "output_norm.bias", Some("ln_f.bias")),
            ("llama", "rope_freqs.weight", None),
        ] {
            let known = Family::architectures().into_iter().find(|known| known.name == architecture).unwrap();
            assert_eq!(known.naming.of_gguf(name).as_deref(), want, "{architecture}: {name}");
        }
    }
}
