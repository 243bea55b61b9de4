//! The tokenizer in a GGUF file's metadata.

use super::metadata::{Metadata, Value};
use crate::Result;
use crate::text::{Tokenizer, Vocabulary};

/// The tokenizer; `None` where the file has none.
pub(super) fn tokenizer(metadata: &Metadata, label: &str) -> Result<Option<Tokenizer>> {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let Some(model) = metadata.text(&key("model"))? else { return Ok(None) };
    let texts = |name: &str| {
        metadata.array(&key(name), "texts", |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    };
    let vocabulary = Vocabulary {
        model: model.to_owned(),
        pre: metadata.text(&key("pre"))?.map(str::to_owned),
        tokens: texts("tokens")?,
        scores: metadata.array(&key("scores"), "numbers", |value| match value {
            Value::Float(score) => Some(*score as f32),
            _ => None,
        })?,
        token_types: metadata.array(&key("token_type"), "whole numbers", |value| match *value {
            Value::Signed(kind) => i32::try_from(kind).ok(),
            Value::Unsigned(kind) => i32::try_from(kind).ok(),
            _ => None,
        })?,
        merges: texts("merges")?,
        bos_token_id: metadata.id(&key("bos_token_id"))?,
        eos_token_id: metadata.id(&key("eos_token_id"))?,
        unknown_token_id: metadata.id(&key("unknown_token_id"))?,
        padding_token_id: metadata.id(&key("padding_token_id"))?,
        add_bos_token: metadata.flag(&key("add_bos_token"))?,
        add_eos_token: metadata.flag(&key("add_eos_token"))?,
        add_space_prefix: metadata.flag(&key("add_space_prefix"))?,
        remove_extra_whitespaces: metadata.flag(&key("remove_extra_whitespaces"))?,
    };
    Tokenizer::from_vocabulary(label, vocabulary).map(Some)
}
