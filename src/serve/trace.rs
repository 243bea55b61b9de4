//! `/v1/trace`: every step of a text.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;
use utoipa::ToSchema;

use super::answer::{self, Closed, blocking};
use super::engine::{Event, Failure, Ready};
use super::error::{ApiError, ErrorBody, one_line};
use super::generation::{Sampling, generation_request};
use super::json::{self, RequestBody};
use super::limits::{MAX_TEMPERATURES, MAX_TRACED};
use super::order::{Order, PromptTokens, Recording, Wanted, check_model, check_room, encode, place};
use super::state::State;
use crate::Trace;
use crate::text::EncodeOptions;
use crate::trace::{Step, StepRecorder};

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
        /// The temperatures at which a figure of the record can draw the candidates; by default 0.5, 1, 5 and 100.
        #[serde(default)]
        #[schema(max_items = 16)]
        pub temperatures: Option<Vec<f64>>,
        /// Whether each step is an event as soon as it is there. The last event has the record.
        #[serde(default)]
        pub stream: Option<bool>,
    }
}

impl RequestBody for TraceRequest {
    const UNSUPPORTED: &'static [&'static str] = &["best_of", "n", "stop", "stream_options"];
}

/// Records every step of a text as `sukashi.trace/1`.
#[utoipa::path(
    post,
    path = "/v1/trace",
    request_body = TraceRequest,
    responses(
        (status = 200, description = "the record `sukashi.trace/1`; a stream of events with `stream`", content(
            (Object = "application/json"), (String = "text/event-stream")
        )),
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
        recorder: recorder(top, request.record_stages.unwrap_or(false), request.temperatures)?,
    };
    if request.stream.unwrap_or(false) {
        let run = Run::begin(&state, &ready, request.prompt, sampling, steps).await?;
        return Ok(answer::events(|sender| run.send(sender)));
    }
    let trace = record(&state, &ready, request.prompt, sampling, steps).await?;
    let text = blocking(move || trace.to_json()).await??;
    Ok(json::answer(StatusCode::OK, "application/json", text))
}

/// The steps that are recorded.
#[derive(Debug, Clone)]
pub struct Steps {
    /// The most tokens.
    pub max_tokens: usize,
    pub recorder: StepRecorder,
}

/// What records `top` candidates of each step.
///
/// # Errors
/// If the temperatures are too many, or one cannot be used.
pub fn recorder(
    top: usize,
    has_stages: bool,
    temperatures: Option<Vec<f64>>,
) -> Result<StepRecorder, ApiError> {
    let recorder = StepRecorder::new(top);
    let recorder = if has_stages { recorder.with_stages() } else { recorder };
    let Some(temperatures) = temperatures else { return Ok(recorder) };
    let found = temperatures.len();
    if found > MAX_TEMPERATURES {
        let message =
            format!("cannot use temperatures: found {found} of them, expected at most {MAX_TEMPERATURES}");
        return Err(ApiError::field("temperatures", message));
    }
    recorder
        .with_temperatures(temperatures)
        .map_err(|error| ApiError::field("temperatures", one_line(&error)))
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
    let mut run = Run::begin(state, ready, prompt, sampling, steps).await?;
    let mut steps = Vec::new();
    while let Some(step) = run.next().await? {
        steps.push(step);
    }
    run.describe(steps).await
}

/// A text that the engine writes.
struct Run {
    ready: Ready,
    prompt: PromptTokens,
    sampling: Sampling,
    order: Order,
}

impl Run {
    async fn begin(
        state: &State,
        ready: &Ready,
        prompt: Prompt,
        sampling: Sampling,
        steps: Steps,
    ) -> Result<Self, ApiError> {
        let Steps { max_tokens, recorder } = steps;
        if max_tokens == 0 {
            return Err(ApiError::field("max_tokens", "cannot use max_tokens: found 0, expected at least 1"));
        }
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
        let Some(order) = orders.pop() else { return Err(Failure::Stopping.into()) };
        Ok(Self { ready: ready.clone(), prompt, sampling: wanted.sampling, order })
    }

    async fn next(&mut self) -> Result<Option<Step>, ApiError> {
        loop {
            match self.order.events.recv().await {
                Some(Event::Step(step)) => return Ok(Some(*step)),
                Some(Event::Finished(_)) => return Ok(None),
                Some(Event::Failed(failure)) => return Err(failure.into()),
                Some(_) => {}
                None => return Err(Failure::Stopping.into()),
            }
        }
    }

    /// The record of all steps.
    async fn describe(self, steps: Vec<Step>) -> Result<Trace, ApiError> {
        let describe = move || {
            let mut trace = self.ready.model.trace(&self.prompt.ids, &self.sampling.settings, steps)?;
            if let Some(typed) = &self.prompt.typed {
                trace.prompt.text = Some(typed.to_string());
            }
            Ok::<_, ApiError>(trace)
        };
        blocking(describe).await?
    }

    /// Sends an event for each step as soon as it is there, and one for the record.
    async fn send(mut self, sender: Sender<Bytes>) -> Result<(), Closed> {
        let mut steps = Vec::new();
        loop {
            let next = tokio::select! {
                next = self.next() => next,
                // Dropping the order closes its channel, so the engine frees its slot.
                () = sender.closed() => return Err(Closed),
            };
            match next {
                Ok(Some(step)) => {
                    answer::send(&sender, answer::event(&StepEvent { step: &step })).await?;
                    steps.push(step);
                }
                Ok(None) => break,
                Err(error) => return answer::send(&sender, answer::event(&error.body())).await,
            }
        }
        match self.describe(steps).await {
            Ok(trace) => answer::send(&sender, answer::event(&TraceEvent { trace: &trace })).await?,
            Err(error) => return answer::send(&sender, answer::event(&error.body())).await,
        }
        answer::send(&sender, answer::done()).await
    }
}

#[derive(Serialize)]
struct StepEvent<'a> {
    step: &'a Step,
}

#[derive(Serialize)]
struct TraceEvent<'a> {
    trace: &'a Trace,
}
