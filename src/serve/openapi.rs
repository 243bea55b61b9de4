//! The description of the API, `/openapi.json`.

use axum::http::StatusCode;
use axum::response::Response;
use utoipa::OpenApi;

use super::{capture, chat, completions, figure, info, json, tokens, trace};

/// The endpoints with the types of their requests and answers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "sukashi serve",
        description = "A language model that you can see through, for OpenAI's clients."
    ),
    paths(
        completions::completions,
        chat::chat_completions,
        trace::trace,
        figure::figure,
        capture::capture,
        tokens::tokenize,
        tokens::detokenize,
        tokens::tokenizer_info,
        tokens::apply_template,
        info::models,
        info::model,
        info::props,
        info::health,
        info::metrics,
    )
)]
struct Description;

/// The description of the API.
pub fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// Describes the API.
pub async fn openapi() -> Response {
    json::respond(StatusCode::OK, &description())
}
