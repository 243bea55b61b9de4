//! A tokenizer: text to ids, ids to text; and how it is read from a `tokenizer.json`.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tokenizers::models::ModelWrapper;

use super::pieces::{Pieces, char_of};
use super::{StreamDecoder, merges};
use crate::trace::Token;
use crate::{Error, Result};

/// The largest in use have about 40 megabytes.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// What [`Tokenizer::encode`] adds and lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Adds the special tokens that the tokenizer's post-processor puts around a text, such as `<bos>`.
    pub add_special_tokens: bool,
    /// Encodes what the vocabulary lacks as its unknown token, instead of refusing the text.
    pub allow_unknown: bool,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { add_special_tokens: true, allow_unknown: false }
    }
}

/// A tokenizer, from a `tokenizer.json` or the metadata of a GGUF file.
///
/// ```
/// use sukashi::text::{EncodeOptions, Tokenizer};
/// use sukashi::weights::ModelFiles;
///
/// let tokenizer: Tokenizer = ModelFiles::embedded()?.tokenizer.expect("it has one");
/// let ids = tokenizer.encode("吾輩は猫である", EncodeOptions::default())?;
/// assert_eq!(ids.len(), 7);
/// assert_eq!(tokenizer.token(ids[3]).text.as_deref(), Some("猫"));
/// assert_eq!(tokenizer.decode(&ids), "吾輩は猫である");
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug)]
pub struct Tokenizer {
    pub(super) inner: tokenizers::Tokenizer,
    pub(super) pieces: Pieces,
    /// What the model gives for characters that it lacks.
    pub(super) unknown: Option<Unknown>,
    /// Bytes that a byte-level vocabulary lacks and would drop silently; `None` where it has all or is another.
    pub(super) missing_bytes: Option<[bool; 256]>,
    /// Added tokens by id; the value says whether it is special.
    added: HashMap<u32, bool>,
    base_vocab_size: usize,
    vocab_size: usize,
}

/// The token that stands for what a vocabulary lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown {
    pub id: u32,
    pub text: String,
}

impl Tokenizer {
    /// Reads a `tokenizer.json` file of at most 256 MiB.
    ///
    /// # Errors
    ///
    /// As [`Self::from_bytes`], or the file cannot be read.
    pub fn from_file(path: &Path) -> Result<Self> {
        let failed = |error| Error::file("read", path, error);
        let metadata = std::fs::metadata(path).map_err(failed)?;
        // Also keeps from waiting for the writer of a named pipe.
        if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
            return Err(Error::input(format!("cannot read {}", path.display())).detail(format!(
                "found {} bytes, expected a regular file of at most {MAX_FILE_BYTES}",
                metadata.len()
            )));
        }
        Self::from_bytes(&path.display().to_string(), &std::fs::read(path).map_err(failed)?)
    }

    /// Reads the contents of a `tokenizer.json`; messages call it `label`.
    ///
    /// Truncation, padding and BPE dropout are switched off, whatever the file says: a prompt is never cut or
    /// changed behind the user's back.
    ///
    /// # Errors
    ///
    /// Bad input that says what is wrong with the file.
    pub fn from_bytes(label: &str, bytes: &[u8]) -> Result<Self> {
        let wrong = |why: String| {
            Error::input(format!("cannot use {label}: it is not a usable tokenizer.json")).detail(why)
        };
        let unigram_unknown = merges::check(label, bytes)?;
        let mut inner = guarded(|| tokenizers::Tokenizer::from_bytes(bytes)).map_err(wrong)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| wrong(error.to_string()))?;
        if let ModelWrapper::BPE(bpe) = inner.get_model()
            && bpe.dropout.is_some()
        {
            let mut bpe = bpe.clone();
            bpe.dropout = None;
            inner.with_model(bpe);
        }
        Ok(Self::from_parts(inner, unigram_unknown))
    }

    /// What is looked up once, from parts that belong together.
    pub(super) fn from_parts(inner: tokenizers::Tokenizer, unigram_unknown: Option<u32>) -> Self {
        let added: HashMap<u32, bool> =
            inner.get_added_tokens_decoder().into_iter().map(|(id, token)| (id, token.special)).collect();
        let size = |largest_id: Option<u32>| largest_id.map_or(0, |id| id as usize + 1);
        let base_vocab_size = size(inner.get_vocab(false).into_values().max());
        let vocab_size = base_vocab_size.max(size(added.keys().copied().max()));
        let pieces = Pieces::of(inner.get_decoder());
        let unknown = unknown_token(&inner, unigram_unknown);
        let missing_bytes = missing_bytes(&inner, &pieces);
        Self { inner, pieces, unknown, missing_bytes, added, base_vocab_size, vocab_size }
    }

    /// One more than the largest id, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// One more than the largest id of the vocabulary proper, without added tokens.
    pub fn base_vocab_size(&self) -> usize {
        self.base_vocab_size
    }

    /// The ids of `text`.
    ///
    /// A text that spells the unknown token itself, such as `<unk>`, gets its id where the tokenizer knows that
    /// spelling as one token; it was asked for.
    ///
    /// # Errors
    ///
    /// Bad input that names the first character which the vocabulary lacks, and its position. Nothing that the
    /// tokenizer would drop silently goes through, not even with [`EncodeOptions::allow_unknown`].
    pub fn encode(&self, text: &str, options: EncodeOptions) -> Result<Vec<u32>> {
        self.check_dropped_bytes(text)?;
        let encoding = guarded(|| self.inner.encode(text, options.add_special_tokens));
        match encoding {
            Ok(encoding) => {
                self.check_unknown(text, &encoding, options.allow_unknown)?;
                Ok(encoding.get_ids().to_vec())
            }
            Err(why) => Err(self.failed_encoding(text, why)),
        }
    }

    /// What an id stands for. An id that the tokenizer does not have, as in a padded vocabulary, has neither
    /// text nor bytes.
    pub fn token(&self, id: u32) -> Token {
        let bytes = self.bytes_of(id);
        Token { id, text: bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()), bytes }
    }

    /// Whether an id is a special token such as `<bos>`, which is no part of the text.
    pub fn is_special(&self, id: u32) -> bool {
        self.added.get(&id).copied().unwrap_or(false)
    }

    /// The text of `ids`: special tokens are left out, and what is no UTF-8 or no token appears as U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut stream = self.stream();
        let mut text: String = ids.iter().filter_map(|&id| stream.push(id)).collect();
        text.extend(stream.finish());
        text
    }

    /// A decoder for tokens that come one at a time.
    ///
    /// Push the prompt's ids first where the tokens continue one: a tokenizer may drop a space where a text
    /// begins.
    pub fn stream(&self) -> StreamDecoder<'_> {
        StreamDecoder::new(self)
    }

    /// The bytes of one token; `None` where the tokenizer does not have it.
    pub(super) fn bytes_of(&self, id: u32) -> Option<Vec<u8>> {
        let entry = self.inner.id_to_token(id)?;
        // An added token is written as it is, whatever the vocabulary's spelling.
        Some(if self.added.contains_key(&id) { entry.into_bytes() } else { self.pieces.bytes(&entry) })
    }
}

/// Runs a part of the `tokenizers` crate, which indexes without checks in places that a damaged file reaches.
pub(super) fn guarded<T>(run: impl FnOnce() -> tokenizers::Result<T>) -> std::result::Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("its parts contradict each other".to_string()),
    }
}

fn unknown_token(inner: &tokenizers::Tokenizer, unigram_unknown: Option<u32>) -> Option<Unknown> {
    let text = match inner.get_model() {
        ModelWrapper::BPE(bpe) => bpe.unk_token.clone()?,
        ModelWrapper::WordLevel(word_level) => word_level.unk_token.clone(),
        ModelWrapper::WordPiece(word_piece) => word_piece.unk_token.clone(),
        ModelWrapper::Unigram(_) => inner.id_to_token(unigram_unknown?)?,
    };
    Some(Unknown { id: inner.token_to_id(&text)?, text })
}

fn missing_bytes(inner: &tokenizers::Tokenizer, pieces: &Pieces) -> Option<[bool; 256]> {
    let ModelWrapper::BPE(bpe) = inner.get_model() else { return None };
    if *pieces != Pieces::ByteLevel || bpe.unk_token.is_some() {
        return None;
    }
    let missing: [bool; 256] =
        std::array::from_fn(|byte| inner.token_to_id(char_of(byte as u8).encode_utf8(&mut [0; 4])).is_none());
    missing.contains(&true).then_some(missing)
}
