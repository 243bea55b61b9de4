//! Runs a text through a tokenizer's parts, and names the part that fails.

use std::cell::{Cell, RefCell};
use std::fmt;

use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizer::Range;
use tokenizers::tokenizer::{OffsetType, PreTokenizedString};
use tokenizers::{Encoding, Model, NormalizedString};

use super::Tokenizer;
use super::growth::{self, Limited};
use super::tokenizer::{PANICKED, guarded};
use crate::{Error, Result};

/// The parts of a tokenizer, in the order in which a text passes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    AddedTokens,
    Normalizer,
    PreTokenizer,
    Model,
    PostProcessor,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::AddedTokens => "search for added tokens",
            Part::Normalizer => "normalizer",
            Part::PreTokenizer => "pre-tokenizer",
            Part::Model => "model",
            Part::PostProcessor => "post-processor",
        })
    }
}

/// Why a text could not be encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub part: Part,
    pub why: String,
    /// The byte range of the text that the model refused.
    pub place: Option<(usize, usize)>,
}

impl Failure {
    /// Whether a character that is not in the vocabulary may be the reason.
    pub fn is_lacking(&self) -> bool {
        self.part == Part::Model && self.why != PANICKED
    }
}

/// A text's tokens, and the characters that became no token.
#[derive(Debug)]
pub(super) struct Encoded {
    pub encoding: Encoding,
    /// Byte ranges of the text in order. Each covers whole characters.
    pub dropped: Vec<(usize, usize)>,
}

impl Tokenizer {
    /// Encodes `text`. Unknown characters are not a failure if the model has an unknown token or drops them.
    pub(super) fn run(&self, text: &str, add_special_tokens: bool) -> std::result::Result<Encoded, Failure> {
        let mut parts = self.prepare(text)?;
        let dropped = self.dropped(text, &mut parts)?;
        let failed = |part: Part, place: Option<(usize, usize)>| move |why| Failure { part, why, place };
        let place = Cell::new(None);
        let encoding = guarded(|| {
            parts.tokenize(|part| {
                place.set(Some(part.offsets_original()));
                self.inner.get_model().tokenize(part.get())
            })?;
            place.set(None);
            parts.into_encoding(None, 0, OffsetType::Byte)
        });
        let encoding = encoding.map_err(|why| failed(Part::Model, place.get())(why))?;
        let encoding = guarded(|| self.inner.post_process(encoding, None, add_special_tokens))
            .map_err(failed(Part::PostProcessor, None))?;
        Ok(Encoded { encoding, dropped })
    }

    /// The model's input: added tokens are taken out, and the rest is normalised and split into words.
    pub(super) fn prepare(&self, text: &str) -> std::result::Result<PreTokenizedString, Failure> {
        let failed = |part: Part| move |why| Failure { part, why, place: None };
        let normalizer = Limited::new(self.inner.get_normalizer(), text.len());
        let added = self.inner.get_added_vocabulary();
        let parts = guarded(|| Ok(added.extract_and_normalize(Some(&normalizer), text)));
        if let Some(why) = normalizer.failure() {
            return Err(failed(Part::Normalizer)(why.to_owned()));
        }
        let mut parts = parts.map_err(failed(Part::AddedTokens))?;
        let Some(pre_tokenizer) = self.inner.get_pre_tokenizer() else { return Ok(parts) };
        growth::pre_tokenize(pre_tokenizer, &mut parts, text.len()).map_err(|why| {
            match normalizer.begins_with_nothing().filter(|_| why.ends_with(PANICKED)) {
                Some(step) => failed(Part::Normalizer)(format!(
                    "its step {step} inserts text at the start, and the pre-tokenizer cannot split that"
                )),
                None => failed(Part::PreTokenizer)(why),
            }
        })?;
        Ok(parts)
    }

    /// The user's error for a text that the tokenizer failed to encode.
    pub(super) fn failed(&self, text: &str, failure: Failure) -> Error {
        let is_lacking = failure.is_lacking();
        let Failure { part, why, place } = failure;
        if is_lacking && let Some(error) = place.and_then(|place| self.lacks_within(text, place)) {
            return error.detail(format!("the tokenizer says: {why}"));
        }
        Error::input(format!("cannot encode the text: the {part} of {} fails", self.label)).detail(why)
    }

    /// Encodes as [`Self::run`] does, and turns a failure into the user's error.
    pub(super) fn encoded(&self, text: &str, add_special_tokens: bool) -> Result<Encoded> {
        self.run(text, add_special_tokens).map_err(|failure| self.failed(text, failure))
    }

    /// The characters that a BPE without an unknown token drops silently.
    fn dropped(
        &self,
        text: &str,
        parts: &mut PreTokenizedString,
    ) -> std::result::Result<Vec<(usize, usize)>, Failure> {
        let ModelWrapper::BPE(bpe) = self.inner.get_model() else { return Ok(Vec::new()) };
        if !self.may_drop {
            return Ok(Vec::new());
        }
        let dropped = RefCell::new(Vec::<(usize, usize)>::new());
        let look = |part: &mut NormalizedString| {
            let first = part.offsets_original().0;
            for (start, character) in missing(bpe, part.get()) {
                let range = Range::Normalized(start..start + character.len_utf8());
                let place = part.convert_offsets(range).unwrap_or_default();
                let start = text.floor_char_boundary(first + place.start);
                let end = text.ceil_char_boundary(first + place.end).max(start);
                let mut dropped = dropped.borrow_mut();
                // Several missing bytes may belong to one character.
                if dropped.last() != Some(&(start, end)) {
                    dropped.push((start, end));
                }
            }
            Ok(())
        };
        guarded(|| parts.normalize(look)).map_err(|why| Failure { part: Part::Model, why, place: None })?;
        Ok(dropped.into_inner())
    }
}

/// The characters of a word for which the model has no token. The lookup is the model's own.
fn missing<'a>(bpe: &'a BPE, word: &'a str) -> impl Iterator<Item = (usize, char)> + 'a {
    let is_token = bpe.ignore_merges && bpe.token_to_id(word).is_some();
    let word = if is_token { "" } else { word };
    word.char_indices().filter(move |&(start, character)| {
        let end = start + character.len_utf8();
        let own = &word[start..end];
        let prefix = bpe.continuing_subword_prefix.as_deref().filter(|_| start > 0).unwrap_or_default();
        let suffix = bpe.end_of_word_suffix.as_deref().filter(|_| end == word.len()).unwrap_or_default();
        let id = match (prefix, suffix) {
            ("", "") => bpe.token_to_id(own),
            _ => bpe.token_to_id(&format!("{prefix}{own}{suffix}")),
        };
        let has_bytes = || own.bytes().all(|byte| bpe.token_to_id(&format!("<0x{byte:02X}>")).is_some());
        id.is_none() && !(bpe.byte_fallback && has_bytes())
    })
}

/// Whether a model drops unknown characters, and whether there can be any.
pub(super) fn may_drop(inner: &tokenizers::Tokenizer) -> bool {
    use tokenizers::normalizers::NormalizerWrapper;
    use tokenizers::pre_tokenizers::PreTokenizerWrapper;

    use super::parts::flat;
    use super::pieces::char_of;
    let ModelWrapper::BPE(bpe) = inner.get_model() else { return false };
    let has_all =
        |spelled: &dyn Fn(u8) -> String| (0..=255).all(|byte| bpe.token_to_id(&spelled(byte)).is_some());
    let normalizer = inner.get_normalizer().map(flat).unwrap_or_default();
    let pre_tokenizer = inner.get_pre_tokenizer().map(flat).unwrap_or_default();
    let spells_bytes = normalizer.iter().any(|step| matches!(step, NormalizerWrapper::ByteLevel(_)))
        || pre_tokenizer.iter().any(|step| matches!(step, PreTokenizerWrapper::ByteLevel(_)));
    let has_affixes = bpe.continuing_subword_prefix.is_some() || bpe.end_of_word_suffix.is_some();
    let knows_all = bpe.byte_fallback && has_all(&|byte| format!("<0x{byte:02X}>"))
        || spells_bytes && !has_affixes && has_all(&|byte| char_of(byte).to_string());
    bpe.unk_token.is_none() && !knows_all
}
