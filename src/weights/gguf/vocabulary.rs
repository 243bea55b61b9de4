//! The tokenizer and the chat template in a GGUF file's metadata.

use super::keys;
use super::metadata::Metadata;
use crate::Result;
use crate::text::{ChatTemplate, SpecialTokens, Tokenizer, Vocabulary};

/// Builds the tokenizer; `None` if the file has none.
pub(super) fn tokenizer(metadata: &Metadata, label: &str) -> Result<Option<Tokenizer>> {
    let key = |name: &str| format!("tokenizer.ggml.{name}");
    let Some(model) = metadata.text(&key("model"))? else { return Ok(None) };
    let texts = |name: &str| metadata.texts(&key(name));
    let vocabulary = Vocabulary {
        model: model.to_owned(),
        pre: metadata.text(&key("pre"))?.map(str::to_owned),
        tokens: texts("tokens")?,
        scores: metadata.floats(&key("scores"))?,
        token_types: metadata.integers(&key("token_type"))?,
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
    let tokenizer = Tokenizer::from_vocabulary(label, vocabulary)?;
    // This comes last, because the checks above give better errors.
    keys::check_tokenizer(metadata)?;
    Ok(Some(tokenizer))
}

/// Builds the chat template with the special tokens that it may write; `None` if the file has none.
pub(super) fn chat_template(metadata: &Metadata, label: &str) -> Result<Option<ChatTemplate>> {
    let Some(source) = metadata.text("tokenizer.chat_template")? else { return Ok(None) };
    let token = |name: &str| -> Result<Option<String>> {
        let Some(id) = metadata.id(&format!("tokenizer.ggml.{name}"))? else { return Ok(None) };
        Ok(metadata.text_at("tokenizer.ggml.tokens", id as usize).map(str::to_owned))
    };
    let special_tokens = SpecialTokens {
        bos_token: token("bos_token_id")?,
        eos_token: token("eos_token_id")?,
        unk_token: token("unknown_token_id")?,
        pad_token: token("padding_token_id")?,
    };
    ChatTemplate::new(label, source, special_tokens).map(Some)
}
