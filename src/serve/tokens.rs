//! `/tokenize`, `/detokenize`, `/tokenizer_info` and `/apply-template`, in the forms of llama.cpp's server and vLLM.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{blocking, text_of};
use super::chat::ChatMessage;
use super::engine::Ready;
use super::error::{ApiError, ErrorBody, one_line};
use super::follow::spelling;
use super::json::{self, RequestBody};
use super::order::{check_model, encode};
use super::state::State;
use super::template::render;
use crate::text::{EncodeOptions, check_prompt};

/// A text to cut into tokens: `content` as in llama.cpp, `prompt` or `messages` as in vLLM.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TokenizeRequest {
    /// The model's name.
    pub model: Option<String>,
    /// The text.
    pub content: Option<String>,
    /// The text.
    pub prompt: Option<String>,
    /// A conversation, which the model's template turns into a text.
    #[schema(value_type = Option<Vec<ChatMessage>>)]
    pub messages: Option<Vec<Value>>,
    /// Whether special tokens are added to `content`; by default not.
    pub add_special: Option<bool>,
    /// Whether special tokens are added to `prompt`; by default they are.
    pub add_special_tokens: Option<bool>,
    /// Whether special tokens that the text spells become these tokens. They always do.
    pub parse_special: Option<bool>,
    /// Whether `tokens` has the text of each token.
    pub with_pieces: Option<bool>,
    /// Whether the answer has the texts of the tokens.
    pub return_token_strs: Option<bool>,
}

impl RequestBody for TokenizeRequest {
    const UNSUPPORTED: &'static [&'static str] = &["continue_final_message", "mm_processor_kwargs"];
}

/// A text's tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tokenized {
    count: usize,
    max_model_len: usize,
    tokens: Vec<TokenItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_strs: Option<Vec<String>>,
}

/// A token id, with `with_pieces` together with its text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum TokenItem {
    /// The id alone.
    Id(u32),
    /// The id and the text.
    Piece(Piece),
}

/// A token and its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct Piece {
    id: u32,
    piece: PieceText,
}

/// The text of a token, or its bytes where these are no whole characters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PieceText {
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Cuts a text into tokens.
#[utoipa::path(
    post,
    path = "/tokenize",
    request_body = TokenizeRequest,
    responses(
        (status = 200, description = "the tokens", body = Tokenized),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn tokenize(Shared(state): Shared<Arc<State>>, request: Request) -> Result<Response, ApiError> {
    let request: TokenizeRequest = json::read(request).await?;
    let ready = check_model(&state, request.model.as_deref())?;
    if request.parse_special == Some(false) {
        return Err(ApiError::field(
            "parse_special",
            "parse_special = false is known and not supported: the tokenizer reads special tokens in a text",
        ));
    }
    let now = state.config.now;
    let tokenized = move || {
        let ids = tokenized_ids(&ready, &request, now)?;
        let strings = || ids.iter().map(|&id| spelling(&ready.model, id).0).collect();
        let piece = |&id: &u32| {
            let bytes = spelling(&ready.model, id).1;
            let piece = match String::from_utf8(bytes) {
                Ok(text) => PieceText::Text(text),
                Err(wrong) => PieceText::Bytes(wrong.into_bytes()),
            };
            Piece { id, piece }
        };
        let has_pieces = request.with_pieces.unwrap_or(false);
        Ok::<_, ApiError>(Tokenized {
            count: ids.len(),
            max_model_len: ready.max_seq_len,
            token_strs: request.return_token_strs.unwrap_or(false).then(strings),
            tokens: if has_pieces {
                ids.iter().map(piece).map(TokenItem::Piece).collect()
            } else {
                ids.into_iter().map(TokenItem::Id).collect()
            },
        })
    };
    Ok(json::respond(StatusCode::OK, &blocking(tokenized).await??))
}

fn tokenized_ids(
    ready: &Ready,
    request: &TokenizeRequest,
    now: fn() -> crate::text::DateTime,
) -> Result<Vec<u32>, ApiError> {
    let encoded = |field: &str, text: &str, add_special_tokens: bool| {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let options = EncodeOptions { add_special_tokens, ..EncodeOptions::default() };
        Ok(encode(ready, field, text, options)?.ids.to_vec())
    };
    match (&request.content, &request.prompt, &request.messages) {
        (Some(text), None, None) => encoded("content", text, request.add_special.unwrap_or(false)),
        (None, Some(text), None) => encoded("prompt", text, request.add_special_tokens.unwrap_or(true)),
        (None, None, Some(messages)) => {
            let text = render(ready, messages, &None, now)?.text;
            encoded("messages", &text, request.add_special_tokens.unwrap_or(false))
        }
        _ => Err(ApiError::field("prompt", "expected one of the fields content, prompt and messages")),
    }
}

/// Tokens to join to a text.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DetokenizeRequest {
    /// The model's name.
    #[serde(default)]
    pub model: Option<String>,
    /// The ids of the tokens.
    pub tokens: Vec<u32>,
}

impl RequestBody for DetokenizeRequest {
    const UNSUPPORTED: &'static [&'static str] = &[];
}

/// The text of tokens, under the names that llama.cpp and vLLM give it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Detokenized {
    content: String,
    prompt: String,
}

/// Joins tokens to a text.
#[utoipa::path(
    post,
    path = "/detokenize",
    request_body = DetokenizeRequest,
    responses(
        (status = 200, description = "the text", body = Detokenized),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn detokenize(Shared(state): Shared<Arc<State>>, request: Request) -> Result<Response, ApiError> {
    let request: DetokenizeRequest = json::read(request).await?;
    let ready = check_model(&state, request.model.as_deref())?;
    let text = move || {
        if request.tokens.is_empty() {
            return Ok(String::new());
        }
        let vocab_size = ready.model.spec().vocab_size;
        check_prompt(&request.tokens, vocab_size, usize::MAX)
            .map_err(|error| ApiError::field("tokens", one_line(&error)))?;
        Ok::<_, ApiError>(text_of(&ready.model, &request.tokens))
    };
    let text = blocking(text).await??;
    Ok(json::respond(StatusCode::OK, &Detokenized { content: text.clone(), prompt: text }))
}

/// What the server knows of the tokenizer.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenizerInfo {
    vocab_size: usize,
    model_max_length: usize,
    has_tokenizer: bool,
    has_chat_template: bool,
    bos_token: Option<String>,
    bos_token_id: Option<u32>,
    /// The first of the tokens that end a text.
    eos_token: Option<String>,
    eos_token_ids: Vec<u32>,
    turn_end_token_ids: Vec<u32>,
}

/// Describes the tokenizer.
#[utoipa::path(
    get,
    path = "/tokenizer_info",
    responses(
        (status = 200, description = "the tokenizer", body = TokenizerInfo),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn tokenizer_info(Shared(state): Shared<Arc<State>>) -> Result<Response, ApiError> {
    let ready = state.ready()?;
    let (spec, tokenizer) = (ready.model.spec(), ready.model.tokenizer());
    let text = |id: u32| tokenizer.and_then(|tokenizer| tokenizer.token(id).text);
    let info = TokenizerInfo {
        vocab_size: spec.vocab_size,
        model_max_length: ready.max_seq_len,
        has_tokenizer: tokenizer.is_some(),
        has_chat_template: ready.model.chat_template().is_ok(),
        bos_token: spec.bos_token_id.and_then(text),
        bos_token_id: spec.bos_token_id,
        eos_token: spec.eos_token_ids.first().copied().and_then(text),
        eos_token_ids: spec.eos_token_ids.clone(),
        turn_end_token_ids: tokenizer.map(|tokenizer| tokenizer.turn_end_ids().to_vec()).unwrap_or_default(),
    };
    Ok(json::respond(StatusCode::OK, &info))
}

/// A conversation for the model's template.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateRequest {
    /// The model's name.
    #[serde(default)]
    pub model: Option<String>,
    /// The conversation.
    #[schema(value_type = Vec<ChatMessage>, min_items = 1)]
    pub messages: Vec<Value>,
    /// Variables that the template knows.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    pub chat_template_kwargs: Option<BTreeMap<String, Value>>,
}

impl RequestBody for TemplateRequest {
    const UNSUPPORTED: &'static [&'static str] = &["tools", "tool_choice"];
}

/// A conversation as the model reads it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Templated {
    prompt: String,
}

/// Shows what the model's template makes of a conversation.
#[utoipa::path(
    post,
    path = "/apply-template",
    request_body = TemplateRequest,
    responses(
        (status = 200, description = "the text", body = Templated),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn apply_template(
    Shared(state): Shared<Arc<State>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request: TemplateRequest = json::read(request).await?;
    let ready = check_model(&state, request.model.as_deref())?;
    let now = state.config.now;
    let rendered = move || render(&ready, &request.messages, &request.chat_template_kwargs, now);
    let rendered = blocking(rendered).await??;
    Ok(json::respond(StatusCode::OK, &Templated { prompt: rendered.text }))
}
