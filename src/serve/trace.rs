//! `/v1/trace`: every step of a text.

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::blocking;
use super::engine::{Event, Failure, Ready};
use super::error::{ApiError, ErrorBody};
use super::generation::{Sampling, generation_request};
use super::json::{self, RequestBody};
use super::limits::MAX_TRACED;
use super::order::{PromptTokens, Recording, Wanted, check_model, check_room, encode, place};
use super::state::State;
use crate::Trace;
use crate::text::EncodeOptions;
use crate::trace::StepRecorder;

/// The tokens of a trace if a request does not say.
const DEFAULT_MAX_TOKENS: usize = 12;
/// The candidates of a step if a request does not say.
const DEFAULT_TOP: usize = 10;

/// A prompt, as text or as token ids.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a text or an array of token ids")]
pub enum Prompt {
    /// A text.
    Text(String),
    /// The ids of a text's tokens.
    Ids(Vec<u32>),
}

impl Prompt {
    /// The prompt as tokens.
    ///
    /// # Errors
    /// As [`encode`].
    pub fn tokens(&self, ready: &Ready) -> Result<PromptTokens, ApiError> {
        match self {
            Self::Text(text) => encode(ready, "prompt", text, EncodeOptions::default()),
            Self::Ids(ids) => Ok(PromptTokens { ids: ids.as_slice().into(), typed: None }),
        }
    }
}

generation_request! {
    /// A request for every step of a text.
    pub struct TraceRequest {
        /// The text to continue.
        pub prompt: Prompt,
        /// The most tokens.
        #[serde(default)]
        #[schema(minimum = 1)]
        pub max_tokens: Option<usize>,
        /// The number of candidates to record at each step, from 1 to 1000.
        #[serde(default)]
        #[schema(minimum = 1, maximum = 1000)]
        pub top: Option<usize>,
        /// Whether the candidates after each stage of the sampler are recorded.
        #[serde(default)]
        pub record_stages: Option<bool>,
    }
}

impl RequestBody for TraceRequest {
    const UNSUPPORTED: &'static [&'static str] = &["best_of", "n", "stop", "stream", "stream_options"];
}

/// Records every step of a text as `sukashi.trace/1`.
#[utoipa::path(
    post,
    path = "/v1/trace",
    request_body = TraceRequest,
    responses(
        (status = 200, description = "the record `sukashi.trace/1`", body = Object),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn trace(Shared(state): Shared<Arc<State>>, request: Request) -> Result<Response, ApiError> {
    let request: TraceRequest = json::read(request).await?;
    let ready = check_model(&state, request.model.as_deref())?;
    let top = request.top.unwrap_or(DEFAULT_TOP);
    if top == 0 || top > MAX_TRACED {
        let message = format!("cannot use top: found {top}, expected 1 to {MAX_TRACED}");
        return Err(ApiError::field("top", message));
    }
    let sampling = request.sampling(ready.model.spec().vocab_size)?;
    let steps = Steps {
        max_tokens: request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        top,
        has_stages: request.record_stages.unwrap_or(false),
    };
    let trace = record(&state, &ready, request.prompt, sampling, steps).await?;
    let text = blocking(move || trace.to_json()).await??;
    Ok(json::answer(StatusCode::OK, "application/json", text))
}

/// The steps that are recorded.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    /// The most tokens.
    pub max_tokens: usize,
    /// The number of candidates.
    pub top: usize,
    /// Whether the candidates after each stage are recorded.
    pub has_stages: bool,
}

/// Records a text.
///
/// # Errors
/// If the request cannot be answered.
pub async fn record(
    state: &State,
    ready: &Ready,
    prompt: Prompt,
    sampling: Sampling,
    steps: Steps,
) -> Result<Trace, ApiError> {
    let Steps { max_tokens, top, has_stages } = steps;
    if max_tokens == 0 {
        return Err(ApiError::field("max_tokens", "cannot use max_tokens: found 0, expected at least 1"));
    }
    let recorder = StepRecorder::new(top);
    let recorder = if has_stages { recorder.with_stages() } else { recorder };
    let prompt = {
        let ready = ready.clone();
        blocking(move || {
            let prompt = prompt.tokens(&ready)?;
            check_room(&ready, "prompt", &prompt.ids, max_tokens)?;
            Ok::<_, ApiError>(prompt)
        })
        .await??
    };
    let eos = &ready.model.spec().eos_token_ids;
    let ends = if sampling.ignores_end { &[][..] } else { eos };
    let recording = Recording { recorder: Some(recorder), ..Recording::default() };
    let wanted = Wanted { sampling, num_choices: 1, stops: [].into() };
    let mut orders = place(state, &[(prompt.clone(), max_tokens)], &wanted, ends, &recording)?;
    let Some(mut order) = orders.pop() else { return Err(Failure::Stopping.into()) };
    let mut steps = Vec::new();
    loop {
        match order.events.recv().await {
            Some(Event::Step(step)) => steps.push(*step),
            Some(Event::Finished(_)) => break,
            Some(Event::Failed(failure)) => return Err(failure.into()),
            Some(_) => {}
            None => return Err(Failure::Stopping.into()),
        }
    }
    let model = ready.model.clone();
    let describe = move || {
        let mut trace = model.trace(&prompt.ids, &wanted.sampling.settings, steps)?;
        if let Some(typed) = &prompt.typed {
            trace.prompt.text = Some(typed.to_string());
        }
        Ok::<_, ApiError>(trace)
    };
    blocking(describe).await?
}
