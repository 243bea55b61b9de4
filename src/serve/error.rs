//! Errors in the form of OpenAI's API.

use std::error::Error as _;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::engine::{Failure, Refusal, Status};
use crate::error::{Error, ErrorKind};

/// The body of an answer that is an error.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: ErrorDetail,
}

/// What is wrong with a request, or with the server.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// What failed, what was found and what was expected.
    pub message: String,
    /// The kind of error.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The field that is wrong, if it is one.
    pub param: Option<String>,
    /// A name of the error for programs.
    pub code: Option<&'static str>,
}

/// An answer that is an error.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    detail: ErrorDetail,
    header: Option<(HeaderName, &'static str)>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: Option<&'static str>, message: String) -> Self {
        let detail = ErrorDetail { message, kind, param: None, code };
        Self(Box::new(Inner { status, detail, header: None }))
    }

    /// A request that cannot be answered as it is.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", None, message.into())
    }

    /// A field with a value that cannot be used.
    pub fn field(name: &str, message: impl Into<String>) -> Self {
        Self::bad_request(message).of_field(name)
    }

    /// Another status, with a name for programs.
    pub fn with_status(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let kind = match status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        Self::new(status, kind, Some(code), message.into())
    }

    /// Names the field that is wrong.
    #[must_use]
    pub fn of_field(mut self, name: &str) -> Self {
        self.0.detail.param = Some(name.to_owned());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// The body as JSON.
    pub fn body(&self) -> ErrorBody {
        ErrorBody { error: self.0.detail.clone() }
    }

    /// The server does not answer now, and does later.
    fn later(code: &'static str, message: impl Into<String>) -> Self {
        Self::with_status(StatusCode::SERVICE_UNAVAILABLE, code, message)
            .with_header(header::RETRY_AFTER, "1")
    }

    /// The model is not loaded yet.
    pub fn loading() -> Self {
        Self::later("model_loading", "the model is being loaded")
    }
}

/// The error with its causes in one line, without hints, which are about flags of the program.
pub fn one_line(error: &Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    let lines: Vec<&str> =
        message.lines().map(str::trim).filter(|line| !line.starts_with("hint: ")).collect();
    lines.join(", ")
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Input => Self::bad_request(one_line(&error)),
            _ => Self::with_status(StatusCode::INTERNAL_SERVER_ERROR, "failed", one_line(&error)),
        }
    }
}

impl From<Status> for ApiError {
    fn from(status: Status) -> Self {
        match status {
            Status::Loading | Status::Ready => Self::loading(),
            Status::Stopping => Self::later("stopping", "the server is stopping"),
            Status::Failed(error) => {
                let message = format!("the server cannot answer any more: {}", one_line(&error));
                Self::with_status(StatusCode::SERVICE_UNAVAILABLE, "failed", message)
            }
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Status(status) => status.into(),
            Refusal::Full { found, limit } => Self::with_status(
                StatusCode::TOO_MANY_REQUESTS,
                "queue_full",
                format!("too much work waits: found {found} texts, expected at most {limit} with those of this request"),
            )
            .with_header(header::RETRY_AFTER, "1"),
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Error(error) => error.into(),
            Failure::Stopping => Status::Stopping.into(),
            Failure::TimedOut => Self::later("timeout", "the answer took longer than the server's --timeout"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = super::json::respond(self.0.status, &self.body());
        if let Some((name, value)) = self.0.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
