//! The metadata of a GGUF file.

use std::collections::BTreeMap;

use super::super::json::excerpt;
use super::Architecture;
use super::array::{Array, MAX_TEXT_BYTES};
use super::reader::Reader;
use crate::{Error, Result};

/// The format's own limit on a key.
const MAX_KEY_BYTES: u64 = 65_535;
/// The most keys. Files have some dozens.
pub(super) const MAX_KEYS: u64 = 1 << 16;

/// A value of the metadata.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    Array(Array),
}

impl Value {
    /// The format's numbers for the types without a fixed width.
    pub const TEXT: u32 = 8;
    pub const ARRAY: u32 = 9;

    fn read(reader: &mut Reader<'_>, key: &str, kind: u32) -> Result<Self> {
        if let Some(scalar) = Scalar::of(kind) {
            let mut bytes = [0; 8];
            let bytes = &mut bytes[..scalar.width()];
            reader.fill(bytes, key)?;
            scalar.check(reader, key, bytes)?;
            return Ok(scalar.value(bytes));
        }
        match kind {
            Self::TEXT => Ok(Self::Text(reader.text(key, MAX_TEXT_BYTES)?)),
            Self::ARRAY => Ok(Self::Array(Array::read(reader, key, 0)?)),
            _ => Err(Self::unknown_type(reader, key, kind)),
        }
    }

    /// An error about an unknown type number.
    pub fn unknown_type(reader: &Reader<'_>, key: &str, kind: u32) -> Error {
        let detail = format!("found type {kind}, expected one from 0 to 12");
        reader.wrong(&format!("{key} has a value of an unknown type"), detail)
    }

    /// The value as a non-negative integer.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Unsigned(number) => Some(number),
            Self::Signed(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// The value as a number. A boolean is 0 or 1.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Unsigned(number) => Some(number as f64),
            Self::Signed(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            Self::Bool(flag) => Some(u8::from(flag).into()),
            Self::Text(_) | Self::Array(_) => None,
        }
    }

    /// The value as JSON. Arrays are shortened. NaN and infinities become texts, which no reader accepts as
    /// numbers.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Unsigned(number) => (*number).into(),
            Self::Signed(number) => (*number).into(),
            Self::Float(number) => match serde_json::Number::from_f64(*number) {
                Some(number) => number.into(),
                None => number.to_string().into(),
            },
            Self::Bool(flag) => (*flag).into(),
            Self::Text(text) => text.clone().into(),
            Self::Array(array) => array.excerpt(),
        }
    }
}

/// A type of fixed width, given by the format's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scalar(u32);

impl Scalar {
    /// `None` for texts, arrays and unknown types.
    pub fn of(kind: u32) -> Option<Self> {
        matches!(kind, 0..=7 | 10..=12).then_some(Self(kind))
    }

    /// The width in bytes.
    pub fn width(self) -> usize {
        match self.0 {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            _ => 8,
        }
    }

    /// Refuses a boolean that is neither 0 nor 1.
    pub fn check(self, reader: &Reader<'_>, key: &str, bytes: &[u8]) -> Result<()> {
        match bytes.first() {
            Some(other @ 2..) if self.0 == 7 => {
                Err(reader.wrong(&format!("{key} is neither true nor false"), format!("found {other}")))
            }
            _ => Ok(()),
        }
    }

    /// Decodes a value from [`Self::width`] bytes.
    pub fn value(self, bytes: &[u8]) -> Value {
        let mut all = [0; 8];
        all[..bytes.len()].copy_from_slice(bytes);
        let bits = u64::from_le_bytes(all);
        match self.0 {
            1 => Value::Signed((bits as i8).into()),
            3 => Value::Signed((bits as i16).into()),
            5 => Value::Signed((bits as i32).into()),
            6 => Value::Float(f32::from_bits(bits as u32).into()),
            7 => Value::Bool(bits != 0),
            11 => Value::Signed(bits as i64),
            12 => Value::Float(f64::from_bits(bits)),
            _ => Value::Unsigned(bits),
        }
    }
}

/// All keys and values.
#[derive(Debug)]
pub(super) struct Metadata {
    label: String,
    values: BTreeMap<String, Value>,
}

impl Metadata {
    /// Reads `count` keys and values.
    pub fn read(reader: &mut Reader<'_>, count: u64) -> Result<Self> {
        let mut values = BTreeMap::new();
        for index in 1..=count {
            let key = reader.text(&format!("key {index} of the metadata"), MAX_KEY_BYTES)?;
            if key.is_empty() {
                let detail = format!("found an empty key in place {index} of {count}");
                return Err(reader.wrong("the metadata has a key without a name", detail));
            }
            let kind = reader.u32(&excerpt(&key))?;
            let value = Value::read(reader, &excerpt(&key), kind)?;
            if let Some(twice) = values.get(&key).map(|_| excerpt(&key)) {
                return Err(reader.wrong("the metadata has a key twice", format!("found {twice} again")));
            }
            values.insert(key, value);
        }
        Ok(Self { label: reader.label().to_owned(), values })
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The name of the file in error messages.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// All keys with their values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// An error about `key` that shows its value.
    pub fn wrong(&self, key: &str, expected: &str) -> Error {
        let found = self.shown(key);
        let key = excerpt(key);
        Error::input(format!("cannot use {}: {key} has a value that is not supported", self.label))
            .detail(format!("found {key} = {found}, expected {expected}"))
    }

    /// A key's value, for messages.
    pub fn shown(&self, key: &str) -> String {
        let shown = self.get(key).map_or("nothing".to_owned(), |value| value.to_json().to_string());
        excerpt(&shown).into_owned()
    }

    /// The text of a key; `None` if the key is missing.
    pub fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a text")),
        }
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// The token id of a key; `None` if the key is missing.
    pub fn id(&self, key: &str) -> Result<Option<u32>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.map(Some).ok_or_else(|| self.wrong(key, "a token id"))
    }

    fn array(&self, key: &str) -> Result<Option<&Array>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(array)) => Ok(Some(array)),
            Some(_) => Err(self.wrong(key, "an array")),
        }
    }

    /// An array of texts; empty if the key is missing.
    pub fn texts(&self, key: &str) -> Result<Vec<String>> {
        let wrong = || self.wrong(key, "an array of texts");
        let Some(array) = self.array(key).map_err(|_| wrong())? else { return Ok(Vec::new()) };
        Ok(array.texts().ok_or_else(wrong)?.map(str::to_owned).collect())
    }

    /// An array of floating-point numbers; empty if the key is missing.
    pub fn floats(&self, key: &str) -> Result<Vec<f32>> {
        self.scalars(key, "an array of numbers", |value| match value {
            Value::Float(number) => Some(number as f32),
            _ => None,
        })
    }

    /// An array of integers; empty if the key is missing.
    pub fn integers(&self, key: &str) -> Result<Vec<i32>> {
        self.scalars(key, "an array of whole numbers", |value| match value {
            Value::Signed(number) => i32::try_from(number).ok(),
            Value::Unsigned(number) => i32::try_from(number).ok(),
            _ => None,
        })
    }

    fn scalars<T>(&self, key: &str, what: &str, element: impl Fn(Value) -> Option<T>) -> Result<Vec<T>> {
        let wrong = || self.wrong(key, what);
        let Some(array) = self.array(key).map_err(|_| wrong())? else { return Ok(Vec::new()) };
        array.scalars().ok_or_else(wrong)?.map(element).collect::<Option<_>>().ok_or_else(wrong)
    }

    /// The text at `index` of an array of texts; `None` if there is none.
    pub fn text_at(&self, key: &str, index: usize) -> Option<&str> {
        match self.get(key)? {
            Value::Array(array) => array.text(index),
            _ => None,
        }
    }

    /// Finds the architecture in `known` that `general.architecture` names. The inner result is an error if it names
    /// another one.
    ///
    /// # Errors
    /// Bad input if the key is missing or not a text.
    pub fn architecture_of(&self, known: &[&'static Architecture]) -> Result<Result<&'static Architecture>> {
        let name = self.text("general.architecture")?.ok_or_else(|| {
            Error::input(format!("cannot use {}: general.architecture is missing", self.label))
                .detail("expected the name of the model's architecture, such as gemma3")
        })?;
        Ok(known.iter().copied().find(|known| known.name == name).ok_or_else(|| {
            let names = Vec::from_iter(known.iter().map(|known| known.name));
            Error::input(format!("cannot use {}: the architecture is unknown", self.label)).detail(format!(
                "found general.architecture = {}, expected one of: {}",
                self.shown("general.architecture"),
                names.join(", ")
            ))
        }))
    }
}
