//! `/v1/capture`: values inside the model.

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use super::answer::{blocking, bug};
use super::engine::Ready;
use super::error::{ApiError, ErrorBody, one_line};
use super::json::{self, RequestBody};
use super::limits::{MAX_CAPTURED, MAX_INSIDE_TOKENS};
use super::order::{PromptTokens, check_model, check_room};
use super::state::State;
use super::trace::Prompt;
use crate::model::{Capture, CaptureRequest, Point};
use crate::{Error, Model};

/// A request for values inside the model.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptureBody {
    /// The model's name.
    #[serde(default)]
    pub model: Option<String>,
    /// The text, of at most 512 tokens.
    pub prompt: Prompt,
    /// The names of the values, such as `hidden_states`, `layers.3.resid` or `layers.*.attn.probs`.
    #[schema(min_items = 1)]
    pub points: Vec<String>,
    /// The positions, counted from 0; by default all.
    #[serde(default)]
    pub positions: Option<Vec<usize>>,
}

impl RequestBody for CaptureBody {
    const UNSUPPORTED: &'static [&'static str] = &[];
}

/// Reads a text and answers with values inside the model.
#[utoipa::path(
    post,
    path = "/v1/capture",
    request_body = CaptureBody,
    responses(
        (status = 200, description = "a safetensors file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn capture(Shared(state): Shared<Arc<State>>, request: Request) -> Result<Response, ApiError> {
    let request: CaptureBody = json::read(request).await?;
    let ready = check_model(&state, request.model.as_deref())?;
    let (ids, wanted) = {
        let ready = ready.clone();
        blocking(move || checked(&ready, &request)).await??
    };
    let run = move |model: &Model| pollster::block_on(Capture::run(model, &ids, &wanted));
    let captured = on_engine(&state, run).await??;
    let bytes = blocking(move || captured.to_safetensors(&ready.model)).await??;
    Ok(json::answer(StatusCode::OK, "application/octet-stream", bytes))
}

fn checked(ready: &Ready, request: &CaptureBody) -> Result<(Arc<[u32]>, CaptureRequest), ApiError> {
    let ids = inside_tokens(ready, &request.prompt)?.ids;
    let spec = ready.model.spec();
    let wrong = |field: &'static str| move |error: Error| ApiError::field(field, one_line(&error));
    let mut wanted = CaptureRequest::new(spec, &request.points).map_err(wrong("points"))?;
    if wanted.names().next().is_none() {
        return Err(ApiError::field("points", "cannot use points: found none, expected at least one"));
    }
    let num_positions = match &request.positions {
        None => ids.len(),
        Some(positions) => {
            if let Some(past) = positions.iter().find(|position| **position >= ids.len()) {
                let message = format!("cannot use positions: found {past}, expected 0 to {}", ids.len() - 1);
                return Err(ApiError::field("positions", message));
            }
            wanted = wanted.at(positions.iter().copied());
            positions.len().min(ids.len())
        }
    };
    let size = |point: &Point| point.shape(spec, num_positions, ids.len()).iter().product::<usize>();
    let largest = Point::all(spec).iter().map(size).max().unwrap_or(0);
    // A stack has as many parts as there are layers and one.
    let most = wanted.names().count().saturating_mul(largest).saturating_mul(1 + spec.num_layers);
    let names: usize = Point::all(spec)
        .iter()
        .filter(|point| wanted.names().any(|name| name == point.to_string()))
        .map(size)
        .sum();
    let has_stack = wanted.names().any(|name| ["hidden_states", "attentions"].contains(&name));
    let found = if has_stack { most } else { names };
    if found > MAX_CAPTURED {
        let message =
            format!("cannot capture so much: found up to {found} values, expected at most {MAX_CAPTURED}");
        return Err(ApiError::field("points", message));
    }
    Ok((ids, wanted))
}

/// A prompt that is short enough for a look inside.
///
/// # Errors
/// If it is too long, or as [`Prompt::tokens`].
pub fn inside_tokens(ready: &Ready, prompt: &Prompt) -> Result<PromptTokens, ApiError> {
    let tokens = prompt.tokens(ready)?;
    check_room(ready, "prompt", &tokens.ids, 0)?;
    let found = tokens.ids.len();
    if found > MAX_INSIDE_TOKENS {
        let message = format!(
            "the prompt is too long for a look inside the model: found {found} tokens, expected at most {MAX_INSIDE_TOKENS}"
        );
        return Err(ApiError::field("prompt", message));
    }
    Ok(tokens)
}

/// Runs a function of the model on the engine's thread. If the caller goes away before, it does not run.
///
/// # Errors
/// If the engine takes no work.
pub async fn on_engine<T: Send + 'static>(
    state: &State,
    run: impl FnOnce(&Model) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let (sender, receiver) = oneshot::channel();
    let task = move |model: &Model| {
        if !sender.is_closed() {
            // Nobody is left to be told.
            let _ = sender.send(run(model));
        }
    };
    state.engine.run(Box::new(task))?;
    receiver.await.map_err(|_| match state.ready() {
        Ok(_) => bug(),
        Err(error) => error,
    })
}
