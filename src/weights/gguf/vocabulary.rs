//! The tokenizer and the chat template in a GGUF file's metadata.

use super::metadata::{Metadata, Value};
use crate::Result;
use crate::text::{ChatTemplate, SpecialTokens, Tokenizer, Vocabulary};

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

/// The template, with the special tokens that it may put into a text; `None` where the file has none.
pub(super) fn chat_template(metadata: &Metadata, label: &str) -> Result<Option<ChatTemplate>> {
    let Some(source) = metadata.text("tokenizer.chat_template")? else { return Ok(None) };
    let token = |name: &str| -> Result<Option<String>> {
        let Some(id) = metadata.id(&format!("tokenizer.ggml.{name}"))? else { return Ok(None) };
        let tokens = match metadata.get("tokenizer.ggml.tokens") {
            Some(Value::Array(tokens)) => tokens.as_slice(),
            _ => &[],
        };
        Ok(match tokens.get(id as usize) {
            Some(Value::Text(token)) => Some(token.clone()),
            _ => None,
        })
    };
    let special_tokens = SpecialTokens {
        bos_token: token("bos_token_id")?,
        eos_token: token("eos_token_id")?,
        unk_token: token("unknown_token_id")?,
        pad_token: token("padding_token_id")?,
    };
    ChatTemplate::new(label, source, special_tokens).map(Some)
}
