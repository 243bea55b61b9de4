//! Characters that a vocabulary lacks: found, and named.

use std::collections::HashMap;

use tokenizers::Encoding;
use tokenizers::models::ModelWrapper;

use super::Tokenizer;
use super::tokenizer::{Unknown, guarded};
use crate::{Error, Result};

impl Tokenizer {
    /// Refuses what became the unknown token, and what became no token at all.
    pub(super) fn check_unknown(&self, text: &str, encoding: &Encoding, allow_unknown: bool) -> Result<()> {
        let mut covered = vec![false; text.len()];
        for (&id, &(start, end)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
            let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
            if start >= end {
                // A token that the post-processor added.
                continue;
            }
            covered[start..end].fill(true);
            // A literal `<unk>` was asked for.
            let is_refused = |unknown: &Unknown| unknown.id == id && unknown.text != text[start..end];
            if !allow_unknown && self.unknown.as_ref().is_some_and(is_refused) {
                return Err(self.lacks(text, start, end));
            }
        }

        // Text without a token is no fault where a pre-tokenizer only splits at white space, or a normaliser joins
        // a mark to the letter before it. It is where a character was dropped; which one the offsets do not say,
        // as they are too small behind it.
        if !covered.contains(&false) {
            return Ok(());
        }
        match self.first(text, Alone::is_nothing) {
            Some((start, end)) => Err(self.lacks(text, start, end)),
            None => Ok(()),
        }
    }

    /// Refuses characters with a byte that a byte-level vocabulary lacks: only the rest of them would be left.
    pub(super) fn check_dropped_bytes(&self, text: &str) -> Result<()> {
        let Some(missing) = &self.missing_bytes else { return Ok(()) };
        match text.bytes().position(|byte| missing[usize::from(byte)]) {
            Some(offset) => {
                Err(self.lacks(text, text.floor_char_boundary(offset), text.ceil_char_boundary(offset + 1)))
            }
            None => Ok(()),
        }
    }

    /// The characters that became no token; `covered` says which bytes some token claims.
    pub(super) fn dropped(&self, text: &str, covered: &[bool]) -> Vec<String> {
        if let Some(missing) = &self.missing_bytes {
            let lacks_a_byte =
                |c: &char| c.encode_utf8(&mut [0; 4]).bytes().any(|byte| missing[usize::from(byte)]);
            return text.chars().filter(lacks_a_byte).map(String::from).collect();
        }
        if !covered.contains(&false) {
            return Vec::new();
        }
        let mut known = HashMap::new();
        let is_dropped = |c: &char| known.entry(*c).or_insert_with(|| self.alone(*c)).is_nothing();
        text.chars().filter(is_dropped).map(String::from).collect()
    }

    /// The error of a text that could not be encoded; names the character where one alone is the cause.
    pub(super) fn failed_encoding(&self, text: &str, why: String) -> Error {
        match self.first(text, Alone::is_lacking) {
            Some((start, end)) => self.lacks(text, start, end).detail(format!("the tokenizer says: {why}")),
            None => Error::input("cannot encode the text").detail(format!("the tokenizer says: {why}")),
        }
    }

    /// Names what the vocabulary lacks within `text[start..end]`.
    ///
    /// One unknown token may stand for several characters, known ones among them: some models fuse what they
    /// lack, and models of whole words lack a word although they have its letters.
    fn lacks(&self, text: &str, start: usize, end: usize) -> Error {
        let found = &text[start..end];
        let whole_words =
            matches!(self.inner.get_model(), ModelWrapper::WordLevel(_) | ModelWrapper::WordPiece(_));
        let offset = match found.chars().nth(1) {
            None => Some(0),
            Some(_) if whole_words => None,
            Some(_) => self.first(found, Alone::is_lacking).map(|(offset, _)| offset),
        };
        let number = |offset: usize| text[..offset].chars().count() + 1;
        let error = match offset.and_then(|offset| Some((offset, found[offset..].chars().next()?))) {
            Some((offset, character)) => {
                let number = number(start + offset);
                Error::input(format!(
                    "cannot encode the text: its character {number} is not in the vocabulary"
                ))
                .detail(format!("found {character:?} (U+{:04X})", u32::from(character)))
            }
            None => {
                let word: String = found.chars().take(40).collect();
                Error::input("cannot encode the text: a word is not in the vocabulary")
                    .detail(format!("found {word:?} from character {}", number(start)))
            }
        };
        error.hint(match &self.unknown {
            Some(unknown) => format!("--allow-unknown feeds {} instead", unknown.text),
            None => "leave it out: the vocabulary has no token for unknown characters".to_string(),
        })
    }

    /// The bytes of the first character that is, when encoded alone, what `is_wanted` says.
    fn first(&self, text: &str, is_wanted: fn(Alone) -> bool) -> Option<(usize, usize)> {
        let mut known = HashMap::new();
        let (start, character) = text
            .char_indices()
            .find(|&(_, c)| is_wanted(*known.entry(c).or_insert_with(|| self.alone(c))))?;
        Some((start, start + character.len_utf8()))
    }

    fn alone(&self, character: char) -> Alone {
        let unknown = self.unknown.as_ref().map(|unknown| unknown.id);
        match guarded(|| self.inner.encode_fast(character.to_string(), false)) {
            Ok(encoding) if encoding.is_empty() && !character.is_whitespace() => Alone::Nothing,
            Ok(encoding) if encoding.get_ids().iter().all(|&id| Some(id) != unknown) => Alone::Known,
            _ => Alone::Unknown,
        }
    }
}

/// What a character becomes when it is encoded alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alone {
    Known,
    /// The unknown token, or an error where there is none.
    Unknown,
    /// No token, although it is not white space.
    Nothing,
}

impl Alone {
    fn is_lacking(self) -> bool {
        self != Alone::Known
    }

    fn is_nothing(self) -> bool {
        self == Alone::Nothing
    }
}
