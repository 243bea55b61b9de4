//! From prompts to texts that the engine writes.

use std::sync::Arc;
use std::time::Instant;

use axum::http::StatusCode;
use tokio::sync::mpsc;

use super::engine::{Event, Job, Ready};
use super::error::{ApiError, one_line};
use super::generation::Sampling;
use super::limits::MAX_SEQUENCES;
use super::state::State;
use crate::shown;
use crate::text::{EncodeOptions, check_prompt};
use crate::trace::StepRecorder;

/// A prompt as tokens.
#[derive(Debug, Clone)]
pub struct PromptTokens {
    pub ids: Arc<[u32]>,
    /// The text as it was given. Its tokens may have lost characters.
    pub typed: Option<Arc<str>>,
}

/// A text that the engine writes.
#[derive(Debug)]
pub struct Order {
    /// The number of the text in the answer.
    pub index: usize,
    pub prompt: PromptTokens,
    pub events: mpsc::Receiver<Event>,
    pub stops: Arc<[String]>,
    /// The tokens that end the text and are no part of it.
    pub ends: Arc<[u32]>,
    pub seed: u64,
}

/// How the texts of a request are written.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub sampling: Sampling,
    /// The number of texts for each prompt.
    pub num_choices: usize,
    /// Texts before which an answer ends.
    pub stops: Arc<[String]>,
}

/// What is recorded of each text.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// The number of alternatives to score with each token.
    pub num_top: Option<usize>,
    /// Whether the prompt is scored.
    pub scores_prompt: bool,
    /// Records each step.
    pub recorder: Option<StepRecorder>,
}

/// Checks the name of the model that a request asks for.
///
/// # Errors
/// If another model is served.
pub fn check_model(state: &State, name: Option<&str>) -> Result<Ready, ApiError> {
    let ready = state.ready()?;
    match name.filter(|name| *name != state.model_id(ready)) {
        None => Ok(ready.clone()),
        Some(name) => Err(ApiError::with_status(
            StatusCode::NOT_FOUND,
            "model_not_found",
            format!(
                "there is no model {}: this server has {}",
                shown::start(name, 100),
                state.model_id(ready)
            ),
        )
        .of_field("model")),
    }
}

/// Encodes a text as `field` of a request.
///
/// # Errors
/// If the model has no tokenizer, or the text is too long or has unknown characters.
pub fn encode(
    ready: &Ready,
    field: &str,
    text: &str,
    options: EncodeOptions,
) -> Result<PromptTokens, ApiError> {
    let wrong = |error: crate::Error| ApiError::field(field, one_line(&error));
    let tokenizer = ready.model.tokenizer();
    if let Some(tokenizer) = tokenizer {
        tokenizer.check_length(text, ready.max_seq_len).map_err(wrong)?;
    }
    let ids = ready.model.encode_with(text, options).map_err(wrong)?;
    Ok(PromptTokens { ids: ids.into(), typed: Some(text.into()) })
}

/// Checks that the context has room for a prompt and `max_tokens` tokens after it.
///
/// # Errors
/// If it has not, or a token is unknown.
pub fn check_room(ready: &Ready, field: &str, ids: &[u32], max_tokens: usize) -> Result<(), ApiError> {
    let vocab_size = ready.model.spec().vocab_size;
    check_prompt(ids, vocab_size, usize::MAX).map_err(|error| ApiError::field(field, one_line(&error)))?;
    let wanted = ids.len().saturating_add(max_tokens);
    if wanted <= ready.max_seq_len {
        return Ok(());
    }
    let (found, limit) = (ids.len(), ready.max_seq_len);
    Err(ApiError::with_status(
        StatusCode::BAD_REQUEST,
        "context_length_exceeded",
        format!(
            "the context has no room: found {found} tokens of {field} and max_tokens = {max_tokens}, expected at most {limit} together"
        ),
    )
    .of_field(if found >= limit { field } else { "max_tokens" }))
}

/// Gives the engine `num_choices` texts for each prompt.
///
/// # Errors
/// If there are too many texts, or the engine takes no work.
pub fn place(
    state: &State,
    prompts: &[(PromptTokens, usize)],
    wanted: &Wanted,
    ends: &[u32],
    recording: &Recording,
) -> Result<Vec<Order>, ApiError> {
    let count = prompts.len() * wanted.num_choices;
    let limit = MAX_SEQUENCES.min(state.config.engine.max_queue);
    if count > limit {
        return Err(ApiError::field(
            "prompt",
            format!("the request asks for too many texts: found {count}, expected at most {limit}"),
        ));
    }
    let ends: Arc<[u32]> = [ends, &wanted.sampling.stop_ids].concat().into();
    let deadline = Instant::now() + state.config.timeout;
    let (mut jobs, mut orders) = (Vec::new(), Vec::new());
    for (prompt, max_tokens) in prompts {
        for choice in 0..wanted.num_choices {
            let mut settings = wanted.sampling.settings.clone();
            settings.seed = settings.seed.wrapping_add(choice as u64);
            let (sender, events) = mpsc::channel(Job::num_events(&prompt.ids, *max_tokens));
            orders.push(Order {
                index: orders.len(),
                prompt: prompt.clone(),
                events,
                stops: wanted.stops.clone(),
                ends: ends.clone(),
                seed: settings.seed,
            });
            jobs.push(Job {
                prompt: prompt.ids.clone(),
                max_tokens: *max_tokens,
                settings,
                ends: ends.clone(),
                num_top: recording.num_top,
                scores_prompt: recording.scores_prompt,
                recorder: recording.recorder.clone(),
                deadline,
                events: sender,
            });
        }
    }
    state.engine.submit(jobs)?;
    Ok(orders)
}
