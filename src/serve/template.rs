//! Conversations in the form that the model was trained on.

use std::collections::BTreeMap;

use serde_json::Value;

use super::engine::Ready;
use super::error::{ApiError, one_line};
use super::order::{PromptTokens, encode};
use crate::text::{DateTime, EncodeOptions, Message, RenderOptions, Tokenizer, Variable};

/// A conversation as the model reads it.
pub struct Rendered {
    /// The text with its special tokens.
    pub text: String,
    /// The tokens that end an answer.
    pub ends: Vec<u32>,
}

/// Puts messages into the model's chat template.
///
/// # Errors
/// If a message is no message, or the template refuses them.
pub fn render(
    ready: &Ready,
    messages: &[Value],
    variables: &Option<BTreeMap<String, Value>>,
    now: fn() -> DateTime,
) -> Result<Rendered, ApiError> {
    let wrong = |error: crate::Error| ApiError::field("messages", one_line(&error));
    let template = ready.model.chat_template().map_err(wrong)?;
    let numbered = |(index, value): (usize, &Value)| {
        Message::try_from(value.clone()).map_err(|what| {
            ApiError::field("messages", format!("cannot use messages: message {}: {what}", index + 1))
        })
    };
    let messages: Vec<Message> = messages.iter().enumerate().map(numbered).collect::<Result<_, _>>()?;
    let variables = variables.iter().flatten();
    let options = RenderOptions {
        now: Some(now()),
        variables: variables.map(|(name, value)| (name.clone(), Variable::from(value))).collect(),
        ..RenderOptions::default()
    };
    let text = template.render(&messages, &options).map_err(wrong)?;
    let tokenizer = ready.model.tokenizer();
    let mut ends: Vec<u32> = tokenizer.map(Tokenizer::turn_end_ids).unwrap_or_default().to_vec();
    ends.extend(tokenizer.and_then(|tokenizer| template.end_of_turn(&messages, &options, tokenizer)));
    Ok(Rendered { text, ends })
}

/// Encodes what a template made, which has its special tokens.
///
/// # Errors
/// As [`encode`].
pub fn encode_rendered(ready: &Ready, text: &str) -> Result<PromptTokens, ApiError> {
    let options = EncodeOptions { add_special_tokens: false, ..EncodeOptions::default() };
    encode(ready, "messages", text, options)
}
