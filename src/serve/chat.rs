//! `/v1/chat/completions`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{self, Answer, Usage};
use super::error::{ApiError, ErrorBody};
use super::follow::{Part, PlacedToken, spelling};
use super::generation::{StreamOptions, Texts, choices, generation_request, num_top, stops};
use super::json::{self, RequestBody};
use super::order::{PromptTokens, Recording, Wanted, check_model, check_room, place};
use super::state::State;
use super::template::{encode_rendered, render};
use crate::Model;

generation_request! {
    /// A request to answer a conversation.
    pub struct ChatRequest {
        /// The conversation.
        #[schema(value_type = Vec<ChatMessage>, min_items = 1)]
        pub messages: Vec<Value>,
        /// The most tokens of the answer. By default, as many as the context has room for.
        #[serde(default)]
        #[schema(minimum = 1)]
        pub max_tokens: Option<usize>,
        /// Another name of `max_tokens`.
        #[serde(default)]
        #[schema(minimum = 1)]
        pub max_completion_tokens: Option<usize>,
        /// Whether each token is scored.
        #[serde(default)]
        pub logprobs: Option<bool>,
        /// The number of alternatives that are scored with each token, from 0 to 20. It needs `logprobs`.
        #[serde(default)]
        #[schema(minimum = 0, maximum = 20)]
        pub top_logprobs: Option<usize>,
        /// The number of texts of the answer, from 1 to 16.
        #[serde(default)]
        #[schema(minimum = 1, maximum = 16)]
        pub n: Option<usize>,
        /// Texts before which the answer ends.
        #[serde(default)]
        pub stop: Option<Texts>,
        /// Whether the answer is a stream of events.
        #[serde(default)]
        pub stream: Option<bool>,
        /// What the stream ends with.
        #[serde(default)]
        pub stream_options: Option<StreamOptions>,
        /// Variables that the model's template knows, such as `enable_thinking`.
        #[serde(default)]
        #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
        pub chat_template_kwargs: Option<BTreeMap<String, Value>>,
    }
}

impl ChatRequest {
    /// The fields that do not depend on the model but on the size of its vocabulary.
    ///
    /// # Errors
    /// If a value is out of range.
    pub fn checked(&self, vocab_size: usize) -> Result<Wanted, ApiError> {
        Ok(Wanted {
            sampling: self.sampling(vocab_size)?,
            num_choices: choices(self.n)?,
            stops: stops(self.stop.clone())?,
        })
    }
}

impl RequestBody for ChatRequest {
    const UNSUPPORTED: &'static [&'static str] = &[
        "audio",
        "function_call",
        "functions",
        "metadata",
        "modalities",
        "parallel_tool_calls",
        "prediction",
        "reasoning_effort",
        "response_format",
        "service_tier",
        "store",
        "tool_choice",
        "tools",
        "verbosity",
        "web_search_options",
    ];
}

/// A message of a conversation, for the description of the API. [`Message`] is what is read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatMessage {
    /// Who says it, such as `system`, `user` or `assistant`. The model's template decides what it accepts.
    #[schema(min_length = 1)]
    role: String,
    /// What is said.
    content: String,
}

/// The answer to a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatCompletion {
    id: String,
    object: &'static str,
    created: u64,
    model: String,
    choices: Vec<ChatChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

/// One of the answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatChoice {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<AnswerMessage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<AnswerMessage>,
    logprobs: Option<ChatLogprobs>,
    finish_reason: Option<&'static str>,
    /// The seed that gives this answer again.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

/// The model's message, or a part of it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct AnswerMessage {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

/// The scores of an answer's tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatLogprobs {
    content: Vec<ChatToken>,
}

/// A scored token with its alternatives.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatToken {
    #[serde(flatten)]
    token: ScoredText,
    top_logprobs: Vec<ScoredText>,
}

/// A token and the natural logarithm of its probability.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScoredText {
    token: String,
    logprob: f64,
    bytes: Vec<u8>,
}

impl ScoredText {
    fn new(model: &Model, id: u32, logprob: f64) -> Self {
        let (token, bytes) = spelling(model, id);
        Self { token, logprob, bytes }
    }
}

/// Answers a conversation.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    request_body = ChatRequest,
    responses(
        (status = 200, description = "the answers; a stream of events with `stream`", content(
            (ChatCompletion = "application/json"), (String = "text/event-stream")
        )),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn chat_completions(
    Shared(state): Shared<Arc<State>>,
    request: Request,
) -> Result<Response, ApiError> {
    let request: ChatRequest = json::read(request).await?;
    let ready = check_model(&state, request.model.as_deref())?;
    let wanted = request.checked(ready.model.spec().vocab_size)?;
    let is_stream = request.stream.unwrap_or(false);
    let has_usage = request.stream_options.as_ref().is_some_and(|options| options.include_usage);
    let num_top = match (request.logprobs.unwrap_or(false), request.top_logprobs) {
        (true, count) => Some(num_top("top_logprobs", count.unwrap_or(0))?),
        (false, None | Some(0)) => None,
        (false, Some(count)) => {
            let message =
                format!("cannot use top_logprobs: found {count} without logprobs, expected logprobs = true");
            return Err(ApiError::field("top_logprobs", message));
        }
    };
    let max_tokens = match (request.max_tokens, request.max_completion_tokens) {
        (Some(one), Some(other)) if one != other => {
            let message =
                format!("cannot use max_tokens = {one} and max_completion_tokens = {other} together");
            return Err(ApiError::field("max_tokens", message));
        }
        (one, other) => one.or(other),
    };
    if max_tokens == Some(0) {
        return Err(ApiError::field("max_tokens", "cannot use max_tokens: found 0, expected at least 1"));
    }
    let (ready_, now) = (ready.clone(), state.config.now);
    let rendered = move || {
        let ready = ready_;
        let rendered = render(&ready, &request.messages, &request.chat_template_kwargs, now)?;
        let prompt = encode_rendered(&ready, &rendered.text)?;
        let room = ready.max_seq_len.saturating_sub(prompt.ids.len()).max(1);
        let max_tokens = max_tokens.unwrap_or(room);
        check_room(&ready, "messages", &prompt.ids, max_tokens)?;
        Ok::<_, ApiError>((prompt, max_tokens, rendered.ends))
    };
    let (prompt, max_tokens, turn_ends) = answer::blocking(rendered).await??;
    let eos = &ready.model.spec().eos_token_ids;
    let ends = if wanted.sampling.ignores_end { Vec::new() } else { [&eos[..], &turn_ends].concat() };
    let recording = Recording { num_top, ..Recording::default() };
    let orders = place(&state, &[(prompt, max_tokens)], &wanted, &ends, &recording)?;
    let form = Form {
        id: state.answer_id("chatcmpl"),
        created: super::state::seconds(),
        model_id: state.model_id(&ready).to_owned(),
        model: ready.model.clone(),
        has_logprobs: num_top.is_some(),
    };
    let answer = Answer { orders, scores_prompt: false, has_usage };
    if is_stream {
        return Ok(answer.stream(form));
    }
    let (texts, usage) = answer.collect(&form.model).await?;
    let choices = texts.into_iter().map(|text| form.choice(text)).collect();
    Ok(json::respond(StatusCode::OK, &form.completion("chat.completion", choices, Some(usage))))
}

/// How an answer is written.
#[derive(Debug, Clone)]
struct Form {
    id: String,
    created: u64,
    model_id: String,
    model: Model,
    has_logprobs: bool,
}

impl Form {
    fn completion(
        &self,
        object: &'static str,
        choices: Vec<ChatChoice>,
        usage: Option<Usage>,
    ) -> ChatCompletion {
        let (id, model, created) = (self.id.clone(), self.model_id.clone(), self.created);
        ChatCompletion { id, object, created, model, choices, usage }
    }

    fn logprobs(&self, tokens: &[PlacedToken]) -> Option<ChatLogprobs> {
        let scored = |token: &PlacedToken| {
            let scored = &token.scored;
            let top = scored.top().iter().map(|&(id, log_prob)| ScoredText::new(&self.model, id, log_prob));
            let token = ScoredText::new(&self.model, scored.id, scored.log_prob?);
            Some(ChatToken { token, top_logprobs: top.collect() })
        };
        self.has_logprobs.then(|| ChatLogprobs { content: tokens.iter().filter_map(scored).collect() })
    }

    fn choice(&self, text: answer::Text) -> ChatChoice {
        let message = AnswerMessage { role: Some("assistant"), content: Some(text.text) };
        ChatChoice {
            index: text.index,
            message: Some(message),
            delta: None,
            logprobs: self.logprobs(&text.tokens),
            finish_reason: text.finish,
            seed: Some(text.seed),
        }
    }

    fn chunk(
        &self,
        index: usize,
        delta: AnswerMessage,
        logprobs: Option<ChatLogprobs>,
        finish_reason: Option<&'static str>,
    ) -> Option<Vec<u8>> {
        let choice =
            ChatChoice { index, message: None, delta: Some(delta), logprobs, finish_reason, seed: None };
        answer::event(&self.completion("chat.completion.chunk", vec![choice], None))
    }
}

impl answer::Stream for Form {
    fn begin(&self, index: usize, _prompt: &PromptTokens) -> Option<Vec<u8>> {
        let delta = AnswerMessage { role: Some("assistant"), content: Some(String::new()) };
        self.chunk(index, delta, None, None)
    }

    fn part(&self, index: usize, part: &Part) -> Option<Vec<u8>> {
        let logprobs = self.logprobs(&part.tokens).filter(|logprobs| !logprobs.content.is_empty());
        if part.text.is_empty() && logprobs.is_none() && part.finish.is_none() {
            return None;
        }
        let content = Some(part.text.clone()).filter(|text| !text.is_empty());
        self.chunk(index, AnswerMessage { role: None, content }, logprobs, part.finish)
    }

    fn usage(&self, usage: Usage) -> Option<Vec<u8>> {
        answer::event(&self.completion("chat.completion.chunk", Vec::new(), Some(usage)))
    }

    fn model(&self) -> &Model {
        &self.model
    }
}
