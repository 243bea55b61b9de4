//! Parses JSON with error messages that show the place.

use std::borrow::Cow;

use serde::Deserialize;

use crate::{Error, Result, json_cause, shown};

/// The longest name or value from a file that messages show, in characters.
const MAX_SHOWN: usize = 120;

/// Parses JSON. serde_json refuses nesting that is deeper than 127 levels.
pub(super) fn parse<'a, T: Deserialize<'a>>(label: &str, bytes: &'a [u8]) -> Result<T> {
    let text = utf8(label, bytes)?;
    serde_json::from_str(text).map_err(|error| explain(label, text, &error))
}

/// Checks that `bytes` are UTF-8.
pub(super) fn utf8<'a>(label: &str, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|error| {
        Error::input(format!("cannot read {label}: it is not UTF-8"))
            .detail(format!(
                "found byte 0x{:02X} at offset {}",
                bytes[error.valid_up_to()],
                error.valid_up_to()
            ))
            .caused_by(error)
    })
}

/// An error that shows the text around the place, because serde_json names neither the field nor the value.
pub(super) fn explain(label: &str, text: &str, error: &serde_json::Error) -> Error {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let start = line.floor_char_boundary(error.column().saturating_sub(60));
    let end = line.ceil_char_boundary(error.column().saturating_add(20).min(line.len()));
    let near = line.get(start..end).unwrap_or_default().trim().escape_debug();
    Error::input(format!("cannot read {label}: {}", json_cause::plain(error))).detail(format!("near: {near}"))
}

/// The start of a name or value from a file, short enough for a message.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    shown::start(text, MAX_SHOWN)
}
