//! Arrays in the metadata, stored about as compactly as in the file.

use super::metadata::{Scalar, Value};
use super::reader::Reader;
use crate::Result;

/// The longest text. Chat templates have some ten thousand bytes.
pub(super) const MAX_TEXT_BYTES: u64 = 64 << 20;
/// The most elements of an array. Vocabularies have some hundred thousand.
const MAX_ELEMENTS: u64 = 1 << 24;
/// The deepest nesting of arrays. No file in use nests them.
const MAX_DEPTH: usize = 4;
/// Bytes of numbers that are read at a time.
const CHUNK: usize = 1 << 16;
/// The number of elements that a message shows.
const SHOWN: usize = 8;

/// An array.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Array {
    /// Numbers or booleans of one type, as in the file.
    Scalars { kind: Scalar, bytes: Vec<u8> },
    /// Concatenated texts, and where each ends.
    Texts { text: String, ends: Vec<usize> },
    /// Nested arrays. They are checked but not kept, because no model uses any.
    Nested { length: u64 },
}

impl Array {
    /// Reads an array; `depth` counts the arrays around it.
    pub fn read(reader: &mut Reader<'_>, key: &str, depth: usize) -> Result<Self> {
        if depth == MAX_DEPTH {
            let detail = format!("found more than {MAX_DEPTH} levels of nested arrays");
            return Err(reader.wrong(&format!("{key} is nested too deep"), detail));
        }
        let kind = reader.u32(key)?;
        let length = reader.u64(key)?;
        let scalar = Scalar::of(kind);
        // A text or an array has at least eight bytes.
        let smallest = scalar.map_or(8, |scalar| scalar.width() as u64);
        let limit = MAX_ELEMENTS.min(reader.remaining() / smallest);
        if length > limit {
            let detail = format!("found {length} elements, expected at most {limit}");
            return Err(reader.wrong(&format!("{key} has too many elements"), detail));
        }
        match (scalar, kind) {
            (Some(kind), _) => {
                // The file's length bounds this.
                let mut bytes = vec![0; length as usize * kind.width()];
                for chunk in bytes.chunks_mut(CHUNK) {
                    reader.fill(chunk, key)?;
                }
                for element in bytes.chunks_exact(kind.width()) {
                    kind.check(reader, key, element)?;
                }
                Ok(Self::Scalars { kind, bytes })
            }
            (None, Value::TEXT) => {
                let (mut text, mut ends) = (String::new(), Vec::new());
                for _ in 0..length {
                    text.push_str(&reader.text(key, MAX_TEXT_BYTES)?);
                    ends.push(text.len());
                }
                Ok(Self::Texts { text, ends })
            }
            (None, Value::ARRAY) => {
                for _ in 0..length {
                    Self::read(reader, key, depth + 1)?;
                }
                Ok(Self::Nested { length })
            }
            _ => Err(Value::unknown_type(reader, key, kind)),
        }
    }

    /// The texts in order; `None` if the elements are not texts.
    pub fn texts(&self) -> Option<impl Iterator<Item = &str>> {
        let Self::Texts { text, ends } = self else { return None };
        Some((0..ends.len()).filter_map(|index| text_of(text, ends, index)))
    }

    /// The text at `index`; `None` if there is none.
    pub fn text(&self, index: usize) -> Option<&str> {
        let Self::Texts { text, ends } = self else { return None };
        text_of(text, ends, index)
    }

    /// The numbers or booleans in order; `None` if the elements are of another type.
    pub fn scalars(&self) -> Option<impl Iterator<Item = Value> + '_> {
        let Self::Scalars { kind, bytes } = self else { return None };
        Some(bytes.chunks_exact(kind.width()).map(|element| kind.value(element)))
    }

    fn len(&self) -> usize {
        match self {
            Self::Scalars { kind, bytes } => bytes.len() / kind.width(),
            Self::Texts { ends, .. } => ends.len(),
            Self::Nested { length } => *length as usize,
        }
    }

    /// The first elements as JSON, for messages. No field of a `config.json` is read from an array.
    pub fn excerpt(&self) -> serde_json::Value {
        let mut elements: Vec<serde_json::Value> = match self {
            Self::Scalars { .. } => {
                self.scalars().into_iter().flatten().take(SHOWN).map(|value| value.to_json()).collect()
            }
            Self::Texts { .. } => self.texts().into_iter().flatten().take(SHOWN).map(Into::into).collect(),
            Self::Nested { .. } => Vec::new(),
        };
        if elements.len() < self.len() {
            elements.push(format!("… {} elements", self.len()).into());
        }
        elements.into()
    }
}

fn text_of<'a>(text: &'a str, ends: &[usize], index: usize) -> Option<&'a str> {
    let start = index.checked_sub(1).map_or(Some(0), |before| ends.get(before).copied())?;
    text.get(start..*ends.get(index)?)
}
