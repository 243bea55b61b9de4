//! JSON files with a size limit, and messages that show the place.

use std::path::Path;

use serde::Deserialize;

use super::source::Source;
use crate::{Error, Result, json_cause};

/// Reads a whole file of at most `max_bytes`.
pub(super) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let source = Source::open(path)?;
    if source.len > max_bytes {
        return Err(Error::input(format!("cannot read {}: the file is too large", source.label))
            .detail(format!("found {} bytes, expected at most {max_bytes}", source.len)));
    }
    let mut bytes = Vec::new();
    source.read_vec(0, source.len, &mut bytes)?;
    Ok(bytes)
}

/// Parses JSON; serde_json refuses nesting deeper than 127 levels.
pub(super) fn parse<'a, T: Deserialize<'a>>(label: &str, bytes: &'a [u8]) -> Result<T> {
    let text = utf8(label, bytes)?;
    serde_json::from_str(text).map_err(|error| explain(label, text, &error))
}

/// Checks that `bytes` are text.
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

/// An error that shows the text around the place: serde_json names neither the field nor the value.
pub(super) fn explain(label: &str, text: &str, error: &serde_json::Error) -> Error {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let start = line.floor_char_boundary(error.column().saturating_sub(60));
    let end = line.ceil_char_boundary(error.column().saturating_add(20).min(line.len()));
    let near = line.get(start..end).unwrap_or_default().trim().escape_debug();
    Error::input(format!("cannot read {label}: {}", json_cause::plain(error))).detail(format!("near: {near}"))
}

/// The beginning of a stranger's text: messages show no more of it.
pub(crate) fn excerpt(text: &str) -> &str {
    text.char_indices().nth(120).map_or(text, |(end, _)| &text[..end])
}
