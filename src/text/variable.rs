//! Values for a chat template's own variables.

use std::fmt;

use minijinja::Value;
use serde::{Deserialize, Deserializer};

/// A value for a template. Keys keep the order in which they were given, because a template may write them as
/// JSON and the model was trained on that order.
///
/// ```
/// use sukashi::text::Variable;
///
/// let tools = Variable::from_json(r#"[{"type": "function", "function": {"name": "clock"}}]"#)?;
/// // A template prints it as Python does.
/// assert_eq!(tools.to_string(), "[{'type': 'function', 'function': {'name': 'clock'}}]");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Variable(pub(super) Value);

impl Variable {
    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// If `json` is not valid JSON.
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }
}

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self)
    }
}

impl From<&str> for Variable {
    fn from(text: &str) -> Self {
        Self(Value::from(text))
    }
}

impl From<bool> for Variable {
    fn from(flag: bool) -> Self {
        Self(Value::from(flag))
    }
}

/// Keeps the order of the value's keys.
impl From<&serde_json::Value> for Variable {
    fn from(value: &serde_json::Value) -> Self {
        Self(Value::from(minijinja::value::Serde(value)))
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Finds Python's `True`, `False` or `None` in `text` outside quotes.
///
/// JSON spells them otherwise, and as a string a template treats "False" as true.
pub fn python_word(text: &str) -> Option<&'static str> {
    let mut quote = None;
    let mut is_escaped = false;
    let outside: String = text
        .chars()
        .map(|character| {
            let was_quoted = quote.is_some();
            match quote {
                _ if is_escaped => is_escaped = false,
                Some(_) if character == '\\' => is_escaped = true,
                Some(open) if character == open => quote = None,
                None if matches!(character, '"' | '\'') => quote = Some(character),
                _ => {}
            }
            if was_quoted { '"' } else { character }
        })
        .collect();
    let mut words = outside.split(|character: char| !character.is_alphanumeric() && character != '_');
    words.find_map(|word| ["True", "False", "None"].into_iter().find(|&python| python == word))
}

#[cfg(test)]
mod tests {
    use super::python_word;

    #[test]
    fn words_of_python_are_found_outside_of_quotes() {
        for (text, word) in [
            ("False", Some("False")),
            ("[1, None]", Some("None")),
            (r#"{"a": True}"#, Some("True")),
            ("{'a': True}", Some("True")),
            (r#"{"True": "a \" None", "b": false}"#, None),
            ("Falsehood", None),
            ("false", None),
            ("", None),
        ] {
            assert_eq!(python_word(text), word, "{text}");
        }
    }
}
