//! A tokenizer: text to ids, ids to text; and how it is read from a `tokenizer.json`.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tokenizers::models::ModelWrapper;

use super::pieces::Pieces;
use super::pipeline::may_drop;
use super::tokenizer_file::{TokenizerFile, unusable};
use super::{StreamDecoder, file, merges};
use crate::trace::Token;
use crate::{Error, Result, json_cause};

/// The largest in use have about 40 megabytes.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// A text that is no longer is encoded, however short the model's context is: it costs some 160 bytes a byte.
pub const MAX_TEXT_BYTES: usize = 2 << 20;

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
    /// Whether the model drops what it lacks, and may lack something.
    pub(super) may_drop: bool,
    /// What messages call the file.
    pub(super) label: String,
    added: HashMap<u32, Added>,
    text_end_ids: Vec<u32>,
    turn_end_ids: Vec<u32>,
    longest_token_bytes: usize,
    base_vocab_size: usize,
    vocab_size: usize,
}

/// A token that a text is searched for before it is cut.
#[derive(Debug)]
struct Added {
    text: String,
    is_special: bool,
}

/// Special tokens that end a text, whatever else a model's files say. llama.cpp knows them by their spellings, too.
const TEXT_ENDS: [&str; 6] =
    ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "[EOS]", "<｜end▁of▁sentence｜>"];

/// Special tokens that end a turn of a chat. In a text that is no chat, the next turn follows, and is continued too.
const TURN_ENDS: [&str; 11] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<end_of_turn>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<EOT>",
    "[EOT]",
    "<end_of_utterance>",
    "<|END_OF_TURN_TOKEN|>",
];

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
        Self::from_bytes(&path.display().to_string(), &file::read(path, MAX_FILE_BYTES)?)
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
        let wrong = |why: String| unusable(label).detail(why);
        let file = TokenizerFile::read(label, bytes)?;
        let unigram_unknown = merges::check(label, bytes)?;
        let built = guarded(|| Ok(serde_json::from_slice::<tokenizers::Tokenizer>(bytes))).map_err(wrong)?;
        let mut inner = built.map_err(|error| wrong(json_cause::plain(&error)))?;
        file.check_built(label, &inner)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| wrong(error.to_string()))?;
        if let ModelWrapper::BPE(bpe) = inner.get_model()
            && bpe.dropout.is_some()
        {
            let mut bpe = bpe.clone();
            bpe.dropout = None;
            inner.with_model(bpe);
        }
        Ok(Self::from_parts(label, inner, unigram_unknown))
    }

    /// What is looked up once, from parts that belong together; messages call the file `label`.
    pub(super) fn from_parts(
        label: &str,
        inner: tokenizers::Tokenizer,
        unigram_unknown: Option<u32>,
    ) -> Self {
        let decoder = inner.get_added_tokens_decoder().into_iter();
        let added: HashMap<u32, Added> = decoder
            .map(|(id, token)| (id, Added { text: token.content, is_special: token.special }))
            .collect();
        let size = |largest_id: Option<u32>| largest_id.map_or(0, |id| id as usize + 1);
        let vocabulary = inner.get_vocab(false);
        let spelled = vocabulary.keys().map(String::len).chain(added.values().map(|token| token.text.len()));
        let longest_token_bytes = spelled.max().unwrap_or_default();
        let base_vocab_size = size(vocabulary.into_values().max());
        let vocab_size = base_vocab_size.max(size(added.keys().copied().max()));
        let pieces = Pieces::of(inner.get_decoder());
        let unknown = unknown_token(&inner, unigram_unknown);
        let (label, may_drop) = (label.to_owned(), may_drop(&inner));
        let (text_end_ids, turn_end_ids) = (special_ids(&added, &TEXT_ENDS), special_ids(&added, &TURN_ENDS));
        Self {
            inner,
            pieces,
            unknown,
            may_drop,
            label,
            added,
            text_end_ids,
            turn_end_ids,
            longest_token_bytes,
            base_vocab_size,
            vocab_size,
        }
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
        let encoded = self.encoded(text, options.add_special_tokens)?;
        self.check_unknown(text, &encoded, options.allow_unknown)?;
        Ok(encoded.encoding.get_ids().to_vec())
    }

    /// Checks, before much is spent on it, that `text` is not far longer than `max_seq_len` tokens can be: a text of up to
    /// 2 MiB may be, so that its end can be kept.
    ///
    /// # Errors
    ///
    /// Bad input with the text's bytes and the most that are taken.
    pub fn check_length(&self, text: &str, max_seq_len: usize) -> Result<()> {
        // A character may become one of a quarter of its bytes when it is normalised.
        let per_byte = if self.inner.get_normalizer().is_some() { 4 } else { 1 };
        let longest = self.longest_token_bytes.saturating_mul(per_byte);
        let most = max_seq_len.saturating_mul(longest).max(MAX_TEXT_BYTES);
        if text.len() <= most {
            return Ok(());
        }
        Err(Error::input("cannot use the prompt: it is far longer than the model's context")
            .detail(format!(
                "found {} bytes, expected at most {most}: the context has {max_seq_len} tokens of at most {longest} bytes",
                text.len()
            ))
            .hint("shorten the prompt; --truncate-prompt keeps the end of what is not longer than that"))
    }

    /// What an id stands for. An id that the tokenizer does not have, as in a padded vocabulary, has neither
    /// text nor bytes.
    pub fn token(&self, id: u32) -> Token {
        let bytes = self.bytes_of(id);
        Token { id, text: bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()), bytes }
    }

    /// Whether an id is a special token such as `<bos>`, which is no part of the text.
    pub fn is_special(&self, id: u32) -> bool {
        self.special_text(id).is_some()
    }

    /// How a special token such as `<bos>` is spelled; `None` for other tokens.
    pub fn special_text(&self, id: u32) -> Option<&str> {
        self.added.get(&id).filter(|token| token.is_special).map(|token| token.text.as_str())
    }

    /// The special tokens that end a text by their well-known spellings, such as `<|endoftext|>`; a model's files may name
    /// others.
    pub fn text_end_ids(&self) -> &[u32] {
        &self.text_end_ids
    }

    /// The special tokens that end a turn of a chat by their well-known spellings, such as `<|im_end|>`; a template may have
    /// others.
    pub fn turn_end_ids(&self) -> &[u32] {
        &self.turn_end_ids
    }

    /// The id of the added token, such as `<end_of_turn>`, that `text` begins with.
    pub(super) fn leading_added_token(&self, text: &str) -> Option<u32> {
        let options = EncodeOptions { add_special_tokens: false, allow_unknown: true };
        let first = *self.encode(text, options).ok()?.first()?;
        self.added.contains_key(&first).then_some(first)
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

/// What is said of a part that panics.
pub(super) const STOPPED: &str = "it cannot work on this, and stops half-way";

/// Runs a part of the `tokenizers` crate, which indexes without checks in places that a damaged file reaches.
pub(super) fn guarded<T>(run: impl FnOnce() -> tokenizers::Result<T>) -> std::result::Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(STOPPED.to_owned()),
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

/// The special tokens with one of these spellings, in order.
///
/// Where a vocabulary has `<|return|>`, as gpt-oss has, `<|end|>` stands between two messages of one answer.
fn special_ids(added: &HashMap<u32, Added>, spellings: &[&str]) -> Vec<u32> {
    let has_return = added.values().any(|token| token.is_special && token.text == "<|return|>");
    let is_one = |token: &Added| {
        let text = token.text.as_str();
        token.is_special && spellings.contains(&text) && !(has_return && text == "<|end|>")
    };
    let mut ids: Vec<u32> = added.iter().filter(|(_, token)| is_one(token)).map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids
}
