//! What a GGUF file says besides its tensors.

use std::collections::BTreeMap;

use super::reader::Reader;
use crate::{Error, Result};

/// The format's own limit on a key.
const MAX_KEY_BYTES: u64 = 65_535;
/// The longest text: chat templates have some ten thousand bytes.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// The most elements of an array: vocabularies have some hundred thousand.
const MAX_ELEMENTS: u64 = 1 << 24;
/// Arrays within arrays; none is in use.
const MAX_DEPTH: usize = 4;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    Array(Vec<Value>),
}

impl Value {
    /// A whole number that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Unsigned(number) => Some(number),
            Self::Signed(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// As JSON; numbers that JSON lacks become texts, which no reader takes for numbers.
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
            Self::Array(values) => values.iter().map(Self::to_json).collect(),
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
    /// Reads `count` of them.
    pub fn read(reader: &mut Reader<'_>, count: u64) -> Result<Self> {
        let mut values = BTreeMap::new();
        for index in 1..=count {
            let key = reader.text(&format!("key {index} of the metadata"), MAX_KEY_BYTES)?;
            if key.is_empty() {
                let detail = format!("found an empty key in place {index} of {count}");
                return Err(reader.wrong("the metadata has a key without a name", detail));
            }
            let kind = reader.u32(&key)?;
            let value = value(reader, &key, kind, 0)?;
            if values.insert(key.clone(), value).is_some() {
                return Err(reader.wrong("the metadata has a key twice", format!("found {key} again")));
            }
        }
        Ok(Self { label: reader.label().to_owned(), values })
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// An error about `key` that shows its value.
    pub fn wrong(&self, key: &str, expected: &str) -> Error {
        let found = self.get(key).map_or("nothing".to_owned(), |value| {
            let text = value.to_json().to_string();
            text.char_indices().nth(80).map_or(text.clone(), |(end, _)| format!("{}…", &text[..end]))
        });
        Error::input(format!("cannot use {}: {key} has a value that is not supported", self.label))
            .detail(format!("found {key} = {found}, expected {expected}"))
    }

    /// A text; `None` where the key is missing.
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

    /// A token id; `None` where the key is missing.
    pub fn id(&self, key: &str) -> Result<Option<u32>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.map(Some).ok_or_else(|| self.wrong(key, "a token id"))
    }

    /// The elements of an array, each made by `element`; empty where the key is missing.
    pub fn array<T>(&self, key: &str, what: &str, element: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>> {
        let values = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(_) => return Err(self.wrong(key, &format!("an array of {what}"))),
        };
        let elements: Option<Vec<T>> = values.iter().map(element).collect();
        elements.ok_or_else(|| self.wrong(key, &format!("an array of {what}")))
    }

    /// `general.architecture`.
    pub fn architecture(&self) -> Result<&str> {
        self.text("general.architecture")?.ok_or_else(|| {
            Error::input(format!("cannot use {}: general.architecture is missing", self.label))
                .detail("expected the name of the model's architecture, such as gemma3")
        })
    }
}

fn value(reader: &mut Reader<'_>, key: &str, kind: u32, depth: usize) -> Result<Value> {
    Ok(match kind {
        0 => Value::Unsigned(reader.u8(key)?.into()),
        1 => Value::Signed((reader.u8(key)? as i8).into()),
        2 => Value::Unsigned(reader.u16(key)?.into()),
        3 => Value::Signed((reader.u16(key)? as i16).into()),
        4 => Value::Unsigned(reader.u32(key)?.into()),
        5 => Value::Signed((reader.u32(key)? as i32).into()),
        6 => Value::Float(f32::from_bits(reader.u32(key)?).into()),
        7 => match reader.u8(key)? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            other => {
                return Err(
                    reader.wrong(&format!("{key} is neither true nor false"), format!("found {other}"))
                );
            }
        },
        8 => Value::Text(reader.text(key, MAX_TEXT_BYTES)?),
        9 => array(reader, key, depth)?,
        10 => Value::Unsigned(reader.u64(key)?),
        11 => Value::Signed(reader.u64(key)? as i64),
        12 => Value::Float(f64::from_bits(reader.u64(key)?)),
        other => {
            let detail = format!("found type {other}, expected one from 0 to 12");
            return Err(reader.wrong(&format!("{key} has a value of an unknown type"), detail));
        }
    })
}

fn array(reader: &mut Reader<'_>, key: &str, depth: usize) -> Result<Value> {
    if depth == MAX_DEPTH {
        let detail = format!("found more than {MAX_DEPTH} arrays within each other");
        return Err(reader.wrong(&format!("{key} is nested too deep"), detail));
    }
    let kind = reader.u32(key)?;
    let length = reader.u64(key)?;
    // An element has at least one byte; a text or an array eight or more.
    let smallest = match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        _ => 8,
    };
    let limit = MAX_ELEMENTS.min(reader.remaining() / smallest);
    if length > limit {
        let detail = format!("found {length} elements, expected at most {limit}");
        return Err(reader.wrong(&format!("{key} has too many elements"), detail));
    }
    let mut values = Vec::new();
    for _ in 0..length {
        values.push(value(reader, key, kind, depth + 1)?);
    }
    Ok(Value::Array(values))
}
