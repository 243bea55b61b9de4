//! What the server says of itself: the models, `/props`, `/health`, `/metrics` and the page at `/`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::engine::{Ready, Status, get};
use super::error::{ApiError, ErrorBody};
use super::json;
use super::order::check_model;
use super::state::State;

/// The models of the server: one.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelList {
    object: &'static str,
    data: Vec<ModelEntry>,
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelEntry {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    /// The most tokens of a text with its prompt.
    max_model_len: usize,
}

fn entry(state: &State, ready: &Ready) -> ModelEntry {
    ModelEntry {
        id: state.model_id(ready).to_owned(),
        object: "model",
        created: state.started,
        owned_by: "sukashi",
        max_model_len: ready.max_seq_len,
    }
}

/// Lists the models.
#[utoipa::path(
    get,
    path = "/v1/models",
    responses(
        (status = 200, description = "the models", body = ModelList),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn models(Shared(state): Shared<Arc<State>>) -> Result<Response, ApiError> {
    let data = vec![entry(&state, state.ready()?)];
    Ok(json::respond(StatusCode::OK, &ModelList { object: "list", data }))
}

/// Describes a model.
#[utoipa::path(
    get,
    path = "/v1/models/{model}",
    params(("model" = String, Path, description = "the model's name")),
    responses(
        (status = 200, description = "the model", body = ModelEntry),
        (status = "4XX", description = "there is no such model", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn model(
    Shared(state): Shared<Arc<State>>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let ready = check_model(&state, Some(&name))?;
    Ok(json::respond(StatusCode::OK, &entry(&state, &ready)))
}

/// The sizes of the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Props {
    total_slots: usize,
    model: String,
    model_family: String,
    device: String,
    build_info: String,
    chat_template: bool,
    default_generation_settings: DefaultSettings,
    kv_bytes: usize,
    max_queue: usize,
}

/// What holds if a request does not say.
#[derive(Debug, Serialize, ToSchema)]
pub struct DefaultSettings {
    n_ctx: usize,
    temperature: f64,
    top_p: f64,
}

/// Describes the server.
#[utoipa::path(
    get,
    path = "/props",
    responses(
        (status = 200, description = "the server", body = Props),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = "5XX", description = "the server cannot answer", body = ErrorBody),
    )
)]
pub async fn props(Shared(state): Shared<Arc<State>>) -> Result<Response, ApiError> {
    let ready = state.ready()?;
    let props = Props {
        total_slots: ready.num_slots,
        model: state.model_id(ready).to_owned(),
        model_family: ready.model.spec().family.name().to_owned(),
        device: ready.model.device().info().name,
        build_info: format!("sukashi {}", env!("CARGO_PKG_VERSION")),
        chat_template: ready.model.chat_template().is_ok(),
        default_generation_settings: DefaultSettings {
            n_ctx: ready.max_seq_len,
            temperature: 1.0,
            top_p: 1.0,
        },
        kv_bytes: ready.kv_bytes,
        max_queue: state.config.engine.max_queue,
    };
    Ok(json::respond(StatusCode::OK, &props))
}

/// Whether the server answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
}

/// Says whether the server answers.
#[utoipa::path(
    get,
    path = "/health",
    responses(
        (status = 200, description = "the server answers", body = Health),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
        (status = 503, description = "the model is being loaded, or the server stops or has failed", body = ErrorBody),
    )
)]
pub async fn health(Shared(state): Shared<Arc<State>>) -> Result<Response, ApiError> {
    match state.engine.status() {
        Status::Ready => Ok(json::respond(StatusCode::OK, &Health { status: "ok" })),
        status => Err(status.into()),
    }
}

/// Counts what the server has done, as text for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, description = "the counters", body = String, content_type = "text/plain"),
        (status = "4XX", description = "the request cannot be answered", body = ErrorBody),
    )
)]
pub async fn metrics(Shared(state): Shared<Arc<State>>) -> Response {
    json::answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", metrics_text(&state))
}

fn metrics_text(state: &State) -> String {
    let counters = state.engine.counters();
    let ready = state.engine.ready();
    let seconds = |micros| get(micros) as f64 / 1e6;
    let mut text = String::new();
    let mut add = |name: &str, kind: &str, help: &str, values: &[(&str, f64)]| {
        let _ = write!(text, "# HELP sukashi_{name} {help}\n# TYPE sukashi_{name} {kind}\n");
        for (labels, value) in values {
            let _ = writeln!(text, "sukashi_{name}{labels} {value}");
        }
    };
    let count = |counter| [("", get(counter) as f64)];
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].map(|class| format!("{{status=\"{class}\"}}"));
    let answers: Vec<(&str, f64)> = classes
        .iter()
        .zip(&state.answers)
        .map(|(label, count)| (label.as_str(), count.load(Relaxed) as f64))
        .collect();
    add("answers_total", "counter", "Answers to requests by the class of their status.", &answers);
    add(
        "prompt_tokens_total",
        "counter",
        "Tokens of prompts that were read.",
        &count(&counters.prompt_tokens),
    );
    add(
        "prompt_tokens_reused_total",
        "counter",
        "Tokens of prompts that earlier texts had left in the KV cache.",
        &count(&counters.reused_tokens),
    );
    add("generated_tokens_total", "counter", "Tokens that were chosen.", &count(&counters.chosen_tokens));
    add("texts_finished_total", "counter", "Texts that were finished.", &count(&counters.finished));
    add(
        "texts_abandoned_total",
        "counter",
        "Texts that nobody waited for any more: a stop text was found, or the client went away.",
        &count(&counters.abandoned),
    );
    add("texts_failed_total", "counter", "Texts that could not be finished.", &count(&counters.failed));
    add("steps_total", "counter", "Steps that decode a token of each running text.", &count(&counters.steps));
    add("step_seconds_total", "counter", "The time of the steps.", &[("", seconds(&counters.step_micros))]);
    add("prompt_pieces_total", "counter", "Pieces of prompts that were read.", &count(&counters.pieces));
    add(
        "prompt_piece_seconds_total",
        "counter",
        "The time of the pieces.",
        &[("", seconds(&counters.piece_micros))],
    );
    add(
        "texts_running",
        "gauge",
        "Texts that are read or written.",
        &[("", state.engine.num_running() as f64)],
    );
    add("texts_waiting", "gauge", "Texts that wait for a slot.", &[("", state.engine.num_waiting() as f64)]);
    let sizes = ready.map_or((0.0, 0.0), |ready| (ready.num_slots as f64, ready.kv_bytes as f64));
    add("slots", "gauge", "Texts that can run at the same time.", &[("", sizes.0)]);
    add("kv_bytes", "gauge", "Bytes of keys and values.", &[("", sizes.1)]);
    text
}

/// A page that lists what the server answers.
pub async fn page() -> Response {
    json::answer(StatusCode::OK, "text/html; charset=utf-8", include_str!("page.html"))
}
