//! Bodies of requests and answers as JSON.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{ApiError, one_line};
use super::limits::{MAX_BODY_BYTES, READ_TIMEOUT};
use crate::error::Error;
use crate::shown;

/// A body that a handler reads, and the fields that the API has and this server does not support.
pub trait RequestBody: DeserializeOwned {
    /// Fields that are refused unless their value says that they are not used.
    const UNSUPPORTED: &'static [&'static str];
}

/// Reads the body of a request.
///
/// # Errors
/// If it is no JSON, has a field that is unknown, not supported or of another type, or is too long or too slow.
pub async fn read<T: RequestBody>(request: Request) -> Result<T, ApiError> {
    check_type(&request)?;
    parse(&bytes(request).await?)
}

fn check_type(request: &Request) -> Result<(), ApiError> {
    let found = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = found.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(ApiError::with_status(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        format!("cannot read the body: found {:?}, expected application/json", shown::start(media_type, 80)),
    ))
}

async fn bytes(request: Request) -> Result<axum::body::Bytes, ApiError> {
    let reading = axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES);
    match tokio::time::timeout(READ_TIMEOUT, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => Err(ApiError::with_status(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("the body is too long: expected at most {MAX_BODY_BYTES} bytes"),
        )),
        Ok(Err(_)) => Err(ApiError::bad_request("the body ends early")),
        Err(_) => Err(ApiError::with_status(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            format!("the body is too slow: expected it within {} s", READ_TIMEOUT.as_secs()),
        )),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = cause.source();
    }
    false
}

/// Parses a body.
///
/// # Errors
/// As [`read`].
pub fn parse<T: RequestBody>(bytes: &[u8]) -> Result<T, ApiError> {
    let wrong = |error: Error| ApiError::bad_request(one_line(&error));
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|cause| wrong(Error::input("the body is no JSON").caused_by(cause)))?;
    let Value::Object(mut fields) = value else {
        return Err(ApiError::bad_request("the body is no JSON object"));
    };
    // Clients send null for what they do not set.
    fields.retain(|_, value| !value.is_null());
    for &name in T::UNSUPPORTED {
        refuse(&mut fields, name)?;
    }
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let path = error.path().to_string();
        let path = shown::start(&path, 60);
        let cause = error.into_inner();
        if path == "." {
            return wrong(Error::input("cannot use the body").caused_by(cause));
        }
        let name = path.split(['.', '[']).next().unwrap_or_default();
        wrong(Error::input(format!("cannot use the field {path}")).caused_by(cause)).of_field(name)
    })
}

/// Refuses a field that this server does not support. A value that says that it is not used is taken out.
fn refuse(fields: &mut Map<String, Value>, name: &str) -> Result<(), ApiError> {
    let Some(value) = fields.remove(name) else { return Ok(()) };
    let is_unused = match &value {
        Value::Bool(is_used) => !is_used,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => {
            fields.is_empty() || (name == "response_format" && value == serde_json::json!({"type": "text"}))
        }
        Value::String(text) => text.is_empty() || text == "none" || text == "auto",
        Value::Number(number) => name == "best_of" && number.as_u64() == Some(1),
        Value::Null => true,
    };
    if is_unused {
        return Ok(());
    }
    let found = value.to_string();
    let found = shown::start(&found, 60);
    Err(ApiError::with_status(
        StatusCode::BAD_REQUEST,
        "unsupported_field",
        format!("the field {name} is known and not supported: found {found}"),
    )
    .of_field(name))
}

/// An answer of JSON.
pub fn respond(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => answer(status, "application/json", bytes),
        // No type of this module has a key that is no text.
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", Vec::new()),
    }
}

/// An answer of another type.
pub fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Small {
        #[serde(default)]
        n: Vec<u8>,
    }

    impl RequestBody for Small {
        const UNSUPPORTED: &'static [&'static str] = &["tools", "best_of"];
    }

    fn refused(body: &str) -> (String, Option<String>) {
        let error = parse::<Small>(body.as_bytes()).unwrap_err().body().error;
        (error.message, error.param)
    }

    #[test]
    fn a_refusal_names_the_field() {
        for (body, part, param) in [
            ("", "no JSON", None),
            ("[1]", "no JSON object", None),
            (r#"{"n": [1, 256]}"#, "n[1]", Some("n")),
            (r#"{"tools": [{}]}"#, "tools is known and not supported", Some("tools")),
            (r#"{"m": 1}"#, "is unknown", Some("m")),
            (r#"{"best_of": 2}"#, "found 2", Some("best_of")),
        ] {
            let (message, found) = refused(body);
            assert!(message.contains(part), "{body}: {message}");
            assert_eq!(found.as_deref(), param, "{body}: {message}");
        }
    }

    #[test]
    fn what_is_not_used_is_no_fault() {
        let body = r#"{"n": null, "tools": [], "best_of": 1}"#;
        assert!(parse::<Small>(body.as_bytes()).unwrap().n.is_empty());
    }
}
