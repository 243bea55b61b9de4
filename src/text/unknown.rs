//! Finds and names characters that are not in a vocabulary.

use std::collections::HashMap;

use tokenizers::models::ModelWrapper;

use super::Tokenizer;
use super::pipeline::Encoded;
use crate::{Error, Result};

impl Tokenizer {
    /// Refuses characters that became the unknown token or no token at all.
    ///
    /// Only text that reaches the model counts. Added tokens are taken out before, and text that a normalizer
    /// or a pre-tokenizer removes is not meant to have a token.
    pub(super) fn check_unknown(&self, text: &str, encoded: &Encoded, allow_unknown: bool) -> Result<()> {
        if let Some(&(start, end)) = encoded.dropped.first() {
            return Err(self.lacks(text, start, end));
        }
        let Some(unknown) = self.unknown.as_ref().filter(|_| !allow_unknown) else { return Ok(()) };
        let encoding = &encoded.encoding;
        for (&id, &(start, end)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
            let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
            // An empty range means that the post-processor added the token. A literal `<unk>` is accepted.
            if id == unknown.id && start < end && unknown.text != text[start..end] {
                return Err(self.lacks(text, start, end));
            }
        }
        Ok(())
    }

    /// Names the first unknown character in a byte range of the text; `None` if no single character is the
    /// cause.
    pub(super) fn lacks_within(&self, text: &str, (start, end): (usize, usize)) -> Option<Error> {
        let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
        let (first, last) = self.first_lacking(text.get(start..end)?)?;
        Some(self.lacks(text, start + first, start + last))
    }

    /// Names the unknown character or word in `text[start..end]`.
    ///
    /// One unknown token may stand for several characters, some of them known: some models fuse unknown
    /// characters, and a word-level model may lack a word although it has its letters.
    fn lacks(&self, text: &str, start: usize, end: usize) -> Error {
        let found = &text[start..end];
        let whole_words =
            matches!(self.inner.get_model(), ModelWrapper::WordLevel(_) | ModelWrapper::WordPiece(_));
        let offset = match found.chars().nth(1) {
            None => Some(0),
            Some(_) if whole_words => None,
            Some(_) => self.first_lacking(found).map(|(offset, _)| offset),
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
            Some(unknown) => format!("--allow-unknown uses {} instead", unknown.text),
            None => "remove it: the vocabulary has no token for unknown characters".to_string(),
        })
    }

    /// The byte range of the first unknown character.
    fn first_lacking(&self, text: &str) -> Option<(usize, usize)> {
        let mut known = HashMap::new();
        let (start, character) =
            text.char_indices().find(|&(_, c)| *known.entry(c).or_insert_with(|| self.is_lacking(c)))?;
        Some((start, start + character.len_utf8()))
    }

    /// Whether a character, encoded alone, becomes the unknown token, becomes no token, or is refused by the
    /// model.
    fn is_lacking(&self, character: char) -> bool {
        match self.run(character.encode_utf8(&mut [0; 4]), false) {
            Ok(Encoded { encoding, dropped }) => {
                let is_unknown = |id: &u32| self.unknown.as_ref().is_some_and(|unknown| unknown.id == *id);
                !dropped.is_empty() || encoding.get_ids().iter().any(is_unknown)
            }
            Err(failure) => failure.is_lacking(),
        }
    }
}
