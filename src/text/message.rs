//! The messages of a conversation.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::file;
use super::variable::python_word;
use crate::{Error, Result, shown};

/// No model's context is this long.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// One turn of a conversation.
///
/// ```
/// use sukashi::text::Message;
///
/// let message: Message = serde_json::from_str(r#"{"role": "user", "content": "猫は？"}"#)?;
/// assert_eq!(message, Message::new("user", "猫は？"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, or another role that the model's template accepts.
    pub role: String,
    /// The message itself.
    pub content: Content,
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Content {
    /// A single text.
    Text(String),
    /// A list of parts. Not every template accepts these.
    Parts(Vec<Part>),
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Part {
    /// A text.
    Text {
        /// The text itself.
        text: String,
    },
}

impl Message {
    /// A message with a single text.
    pub fn new(role: impl Into<String>, text: impl Into<String>) -> Self {
        Self { role: role.into(), content: Content::Text(text.into()) }
    }

    /// Reads a JSON file of at most 64 MiB: an array of `{"role": …, "content": …}`.
    ///
    /// # Errors
    ///
    /// See [`Self::list_from_json`]; also if the file cannot be read.
    pub fn list_from_file(path: &Path) -> Result<Vec<Self>> {
        Self::list_from_json(&path.display().to_string(), &file::read(path, MAX_FILE_BYTES)?)
    }

    /// Reads a JSON array of `{"role": …, "content": …}`; error messages call it `label`.
    ///
    /// # Errors
    ///
    /// Bad input that names the first invalid message.
    pub fn list_from_json(label: &str, json: &[u8]) -> Result<Vec<Self>> {
        let invalid = || Error::input(format!("cannot use the messages in {label}"));
        let expected = r#"expected an array such as [{"role": "user", "content": "…"}]"#;
        let json = file::plain_text(label, json.to_vec())?;
        let list = match serde_json::from_str(&json) {
            Ok(Value::Array(list)) => list,
            Ok(other) => return Err(invalid().detail(format!("found {}, {expected}", kind(&other)))),
            Err(cause) => {
                let error = invalid().detail(expected).caused_by(cause);
                return Err(match python_word(&json) {
                    Some(word) => error.hint(format!("{word} is Python; in JSON it is true, false or null")),
                    None => error,
                });
            }
        };
        if list.is_empty() {
            return Err(invalid().detail("found an empty array, expected at least one message"));
        }
        let numbered = |(index, value)| {
            Self::try_from(value).map_err(|wrong| invalid().detail(format!("message {}: {wrong}", index + 1)))
        };
        list.into_iter().enumerate().map(numbered).collect()
    }

    /// Whether the message has no text at all.
    pub(super) fn is_empty(&self) -> bool {
        match &self.content {
            Content::Text(text) => text.is_empty(),
            Content::Parts(parts) => parts.iter().all(|Part::Text { text }| text.is_empty()),
        }
    }
}

impl TryFrom<Value> for Message {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let mut fields = object(value, "with role and content")?;
        let role = match fields.remove("role") {
            Some(Value::String(role)) if !role.is_empty() => role,
            other => return Err(wrong("role", other.as_ref(), "a text such as \"user\"")),
        };
        let content = match fields.remove("content") {
            Some(Value::String(text)) => Content::Text(text),
            Some(Value::Array(parts)) => {
                let numbered = |(index, value)| {
                    Part::try_from(value).map_err(|wrong| format!("part {}: {wrong}", index + 1))
                };
                Content::Parts(parts.into_iter().enumerate().map(numbered).collect::<Result<_, _>>()?)
            }
            other => return Err(wrong("content", other.as_ref(), "a text or an array of parts")),
        };
        no_more(&fields, "role and content")?;
        Ok(Self { role, content })
    }
}

impl TryFrom<Value> for Part {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let mut fields = object(value, "with type and text")?;
        match fields.remove("type") {
            Some(Value::String(kind)) if kind == "text" => {}
            other => return Err(wrong("type", other.as_ref(), "\"text\", the only type that is supported")),
        }
        let text = match fields.remove("text") {
            Some(Value::String(text)) => text,
            other => return Err(wrong("text", other.as_ref(), "a text")),
        };
        no_more(&fields, "type and text")?;
        Ok(Self::Text { text })
    }
}

fn object(value: Value, expected: &str) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(format!("found {}, expected an object {expected}", kind(&other))),
    }
}

/// Refuses fields that nothing reads, so that none is dropped silently.
fn no_more(fields: &Map<String, Value>, expected: &str) -> Result<(), String> {
    match fields.keys().next() {
        None => Ok(()),
        Some(key) => Err(format!("found a field {:?}, expected only {expected}", shortened(key))),
    }
}

fn wrong(field: &str, found: Option<&Value>, expected: &str) -> String {
    let found = match found {
        None => format!("no {field}"),
        Some(Value::String(text)) => format!("{field} = {:?}", shortened(text)),
        Some(other) => format!("{} as {field}", kind(other)),
    };
    format!("found {found}, expected {expected}")
}

fn shortened(text: &str) -> String {
    shown::start(text, 40).into_owned()
}

/// A JSON value's type, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
