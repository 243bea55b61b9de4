//! Reads the fields of `config.json`, and checks each against a range.

use serde_json::{Map, Value};

use crate::weights::{FILE_KEYS, excerpt};
use crate::{Error, Result, shown};

/// The fields of a `config.json`, and the file's name in messages.
pub(super) struct Config<'a> {
    fields: &'a Map<String, Value>,
    file: &'a str,
}

impl<'a> Config<'a> {
    pub fn new(config: &'a Value, file: &'a str) -> Result<Self> {
        match config {
            Value::Object(fields) => Ok(Self { fields, file }),
            other => Err(Error::input(format!("cannot use {file}"))
                .detail(format!("found {}, expected an object", shown(other)))),
        }
    }

    /// The file's name in messages.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// An object; `None` if the field is missing or null.
    pub fn object(&self, key: &str) -> Result<Option<&'a Map<String, Value>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| self.wrong(key, "an object"))
    }

    /// The layer's entry in `layer_types`; `None` if the file has no such list.
    pub fn layer_type(&self, layer_index: usize) -> Result<Option<&'a str>> {
        let Some(types) = self.get("layer_types") else { return Ok(None) };
        let layer_type = types.get(layer_index);
        match layer_type.and_then(Value::as_str) {
            Some(layer_type @ ("full_attention" | "sliding_attention")) => Ok(Some(layer_type)),
            _ => {
                let has = layer_type.map_or("none".to_string(), shown);
                let expected = "full_attention or sliding_attention for each layer";
                Err(self.wrong("layer_types", &format!("{expected}; layer {layer_index} has {has}")))
            }
        }
    }

    /// Whether the file has the field, with null or any other value.
    pub fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    /// A field that is present and not null.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    /// A required whole number from 1 to `max`.
    pub fn size(&self, key: &str, max: usize) -> Result<usize> {
        self.optional_size(key, max)?.ok_or_else(|| {
            Error::input(format!("cannot use {}: {} is missing", self.file, self.key_in_file(key)))
                .detail(format!("expected a whole number from 1 to {max}"))
        })
    }

    /// A whole number from 1 to `max`; `None` if the field is missing or null.
    pub fn optional_size(&self, key: &str, max: usize) -> Result<Option<usize>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.as_u64().and_then(|number| usize::try_from(number).ok()) {
            Some(number) if (1..=max).contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(key, &format!("a whole number from 1 to {max}"))),
        }
    }

    /// A whole number from 0 to `max`; `default` if the field is missing or null.
    pub fn count(&self, key: &str, default: usize, max: usize) -> Result<usize> {
        let Some(value) = self.get(key) else { return Ok(default) };
        match value.as_u64().and_then(|number| usize::try_from(number).ok()) {
            Some(number) if number <= max => Ok(number),
            _ => Err(self.wrong(key, &format!("a whole number from 0 to {max}"))),
        }
    }

    /// A number above 0 and at most `max`; `default` if the field is missing or null.
    pub fn positive(&self, key: &str, default: f32, max: f32) -> Result<f32> {
        let Some(value) = self.get(key) else { return Ok(default) };
        // The narrowing comes first, since a number too small for f32 would become zero later.
        match value.as_f64().map(|number| number as f32) {
            Some(number) if number > 0.0 && number <= max => Ok(number),
            _ => Err(self.wrong(key, &format!("a number above 0 and at most {max}"))),
        }
    }

    /// True or false; `default` if the field is missing or null.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.wrong(key, "true or false"))
    }

    /// A text; `None` if the field is missing or null.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(key, "a text"))
    }

    /// One token id or a list of them; empty if the field is missing or null.
    ///
    /// The result has no ids past the vocabulary. Configurations of small models often keep the ids of large ones, and
    /// a model can neither read nor choose an id that it does not have.
    pub fn token_ids(&self, key: &str, vocab_size: usize) -> Result<Vec<u32>> {
        let values = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
        };
        let mut ids = Vec::new();
        for value in values {
            let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or_else(|| self.wrong(key, "a token id, a list of token ids or null"))?;
            if (id as usize) < vocab_size {
                ids.push(id);
            } else {
                tracing::warn!(
                    "{}: {key} = {id} is past the vocabulary of {vocab_size} and left out",
                    shown::excerpt(self.file)
                );
            }
        }
        Ok(ids)
    }

    /// The field's name in the file. A GGUF file has other names for the fields.
    fn key_in_file<'k>(&'k self, key: &'k str) -> &'k str {
        let other = self.fields.get(FILE_KEYS).and_then(|keys| keys.get(key));
        other.and_then(Value::as_str).unwrap_or(key)
    }

    /// All fields that are not null, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.fields.iter().map(|(key, value)| (key.as_str(), value)).filter(|(_, value)| !value.is_null())
    }

    /// A field's value in messages.
    pub fn shown(&self, key: &str) -> String {
        self.fields.get(key).map_or("nothing".to_string(), shown)
    }

    /// An error about `key` that shows its value.
    pub fn wrong(&self, key: &str, expected: &str) -> Error {
        let found = self.shown(key);
        let key = excerpt(self.key_in_file(key));
        Error::input(format!("cannot use {}: {key} has a value that is not supported", self.file))
            .detail(format!("found {key} = {found}, expected {expected}"))
    }
}

/// A value as JSON. Long values are cut.
fn shown(value: &Value) -> String {
    excerpt(&value.to_string()).into_owned()
}
