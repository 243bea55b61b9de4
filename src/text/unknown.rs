//! Characters that a vocabulary lacks: found, and named.

use std::collections::HashMap;

use tokenizers::models::ModelWrapper;

use super::Tokenizer;
use super::pipeline::Encoded;
use crate::{Error, Result};

impl Tokenizer {
    /// Refuses what became the unknown token, and what became no token at all.
    ///
    /// Only what reaches the model counts: added tokens are taken out before, and what a normalizer leaves out, or a
    /// pre-tokenizer that only splits at white space, is not meant to have a token.
    pub(super) fn check_unknown(&self, text: &str, encoded: &Encoded, allow_unknown: bool) -> Result<()> {
        if let Some(&(start, end)) = encoded.dropped.first() {
            return Err(self.lacks(text, start, end));
        }
        let Some(unknown) = self.unknown.as_ref().filter(|_| !allow_unknown) else { return Ok(()) };
        let encoding = &encoded.encoding;
        for (&id, &(start, end)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
            let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
            // Without a place in the text, the post-processor added it. A literal `<unk>` was asked for.
            if id == unknown.id && start < end && unknown.text != text[start..end] {
                return Err(self.lacks(text, start, end));
            }
        }
        Ok(())
    }

    /// Names the first character within bytes of the text that the model lacks; `None` where none alone is the cause.
    pub(super) fn lacks_within(&self, text: &str, (start, end): (usize, usize)) -> Option<Error> {
        let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
        let (first, last) = self.first_lacking(text.get(start..end)?)?;
        Some(self.lacks(text, start + first, start + last))
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
            Some(unknown) => format!("--allow-unknown feeds {} instead", unknown.text),
            None => "leave it out: the vocabulary has no token for unknown characters".to_string(),
        })
    }

    /// The bytes of the first character that the model lacks.
    fn first_lacking(&self, text: &str) -> Option<(usize, usize)> {
        let mut known = HashMap::new();
        let (start, character) =
            text.char_indices().find(|&(_, c)| *known.entry(c).or_insert_with(|| self.is_lacking(c)))?;
        Some((start, start + character.len_utf8()))
    }

    /// Whether a character that is encoded alone becomes the unknown token, or none, or is refused by the model.
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
