//! Errors as JavaScript throws them, and values as JavaScript reads them.

use std::error::Error as _;

use js_sys::{JSON, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sukashi::{Error, Result};
use wasm_bindgen::{JsCast as _, JsValue};

/// The result of a function that JavaScript calls.
pub type JsResult<T> = std::result::Result<T, JsValue>;

/// An `Error` with the message and its causes. Its `kind` is the name of [`sukashi::ErrorKind`].
pub fn thrown(error: Error) -> JsValue {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        message += &format!("\n  because: {next}");
        cause = next.source();
    }
    let thrown = js_sys::Error::new(&message);
    // Setting a property of a new object does not fail.
    let _ = Reflect::set(&thrown, &"kind".into(), &format!("{:?}", error.kind()).into());
    thrown.into()
}

/// What JavaScript threw, in words.
pub fn words(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{thrown:?}"),
    }
}

/// A value as a plain object.
pub fn object(value: &impl Serialize) -> JsResult<JsValue> {
    let text =
        serde_json::to_string(value).map_err(|cause| thrown(failed("give a value out").caused_by(cause)))?;
    JSON::parse(&text)
}

/// The value that a plain object describes. `undefined` and `null` are an empty object.
pub fn value<T: DeserializeOwned>(what: &str, object: &JsValue) -> JsResult<T> {
    if object.is_undefined() || object.is_null() {
        return parse(what, "{}");
    }
    let text = JSON::stringify(object).map(String::from)?;
    parse(what, &text)
}

fn parse<T: DeserializeOwned>(what: &str, text: &str) -> JsResult<T> {
    serde_json::from_str(text).map_err(|cause| thrown(failed(&format!("use {what}")).caused_by(cause)))
}

fn failed(what: &str) -> Error {
    Error::input(format!("cannot {what}"))
}

/// The result for JavaScript.
pub fn given<T>(result: Result<T>) -> JsResult<T> {
    result.map_err(thrown)
}
