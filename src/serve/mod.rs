//! A server that OpenAI's clients can use.
//!
//! [`serve`] answers HTTP/1.1 on a listener until it is told to stop. docs/server.md describes the endpoints, the limits
//! and what is not supported.
//!
//! One thread, the engine, owns the model's sequences and writes up to 64 texts at a time. The text and the
//! log-probabilities of a request do not depend on who else is being served, bit by bit.

mod answer;
mod capture;
mod chat;
mod completions;
mod connections;
mod drawing;
mod engine;
mod error;
mod figure;
mod follow;
mod generation;
mod guard;
mod info;
mod json;
mod limits;
mod openapi;
mod order;
mod state;
mod template;
mod tokens;
mod trace;

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;

pub use engine::EngineSettings;
pub use guard::Guard;
pub use limits::MAX_KEY_FILE_BYTES;
pub use state::Config;

use crate::Model;
use crate::error::{Error, ErrorKind, Result};
use engine::{Engine, Status};
use error::ApiError;
use state::State;

/// Answers requests on `listener` until `stop` ends. Then the running answers have [`Config::grace`] to end.
///
/// `load` gives the model, on the engine's thread. Until it has, the server answers that it is loading.
///
/// # Errors
/// If the model cannot be loaded, if the device fails for good, or if the listener cannot be used.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    load: impl FnOnce() -> Result<Model> + Send + 'static,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let failed = |cause| Error::new(ErrorKind::Io, "cannot use the listener").caused_by(cause);
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    let (is_stopping, stopping) = watch::channel(false);
    let grace = config.grace;
    let engine = Engine::start(config.engine, load)?;
    let state = Arc::new(State::new(config, engine));
    let answering = connections::serve(listener, router(state.clone()), stopping, grace);
    tokio::pin!(answering);
    tokio::select! {
        () = &mut answering => {}
        () = stop => {}
        () = until_failed(&state) => {}
    }
    let outcome = match state.engine.status() {
        Status::Failed(error) => Err(error),
        _ => Ok(()),
    };
    state.engine.stop(Instant::now() + grace);
    // The connections hold a receiver as long as they are answered.
    let _ = is_stopping.send(true);
    answering.await;
    outcome
}

/// Reads a body as every endpoint does, and checks what depends on the size of the vocabulary alone. Returns the number
/// of endpoints that accept it so far. For fuzzing.
#[doc(hidden)]
pub fn read_body(body: &[u8], vocab_size: usize) -> usize {
    let accepted = [
        json::parse(body)
            .and_then(|request: completions::CompletionRequest| request.checked(vocab_size))
            .is_ok(),
        json::parse(body).and_then(|request: chat::ChatRequest| request.checked(vocab_size)).is_ok(),
        json::parse::<trace::TraceRequest>(body).is_ok(),
        json::parse::<figure::FigureRequest>(body).is_ok(),
        json::parse::<capture::CaptureBody>(body).is_ok(),
        json::parse::<tokens::TokenizeRequest>(body).is_ok(),
        json::parse::<tokens::DetokenizeRequest>(body).is_ok(),
        json::parse::<tokens::TemplateRequest>(body).is_ok(),
    ];
    accepted.into_iter().filter(|is_accepted| *is_accepted).count()
}

/// Waits until the engine has failed.
async fn until_failed(state: &State) {
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
    while !matches!(state.engine.status(), Status::Failed(_)) {
        tokio::time::sleep(PAUSE).await;
    }
}

fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(info::page))
        .route("/health", get(info::health))
        .route("/metrics", get(info::metrics))
        .route("/openapi.json", get(openapi::openapi))
        .route("/props", get(info::props))
        .route("/tokenizer_info", get(tokens::tokenizer_info))
        .route("/tokenize", post(tokens::tokenize))
        .route("/detokenize", post(tokens::detokenize))
        .route("/apply-template", post(tokens::apply_template))
        .route("/v1/models", get(info::models))
        .route("/v1/models/{model}", get(info::model))
        .route("/v1/completions", post(completions::completions))
        .route("/v1/chat/completions", post(chat::chat_completions))
        .route("/v1/trace", post(trace::trace))
        .route("/v1/figure/{kind}", post(figure::figure))
        .route("/v1/capture", post(capture::capture))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(|_| answer::bug().into_response()))
        .layer(from_fn_with_state(state.clone(), authorised))
        .layer(cors(&state.config.origins))
        .layer(from_fn_with_state(state.clone(), placed))
        .with_state(state)
}

/// Answers pages of these origins alone.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| origin.parse::<HeaderValue>().ok());
    CorsLayer::new()
        .allow_origin(Vec::from_iter(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::RETRY_AFTER])
}

/// Checks where a request comes from, and counts the answer.
async fn placed(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let mut response = match state.config.guard.check_place(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let nosniff = (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response.headers_mut().insert(nosniff.0, nosniff.1);
    state.count(response.status());
    response
}

/// Checks the key of a request. Everybody may ask whether the server is well.
async fn authorised(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    if request.uri().path() != "/health"
        && let Err(error) = state.config.guard.check_key(request.headers())
    {
        return error.into_response();
    }
    next.run(request).await
}

async fn not_found() -> ApiError {
    ApiError::with_status(StatusCode::NOT_FOUND, "not_found", "there is nothing here: / lists what is")
}

async fn wrong_method() -> ApiError {
    ApiError::with_status(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "the method is not for this path",
    )
}
