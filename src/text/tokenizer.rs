//! The tokenizer, which turns text into ids and ids into text, and how it is read from a `tokenizer.json`.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tokenizers::models::ModelWrapper;

use super::pieces::Pieces;
use super::pipeline::may_drop;
use super::tokenizer_file::{TokenizerFile, invalid};
use super::{StreamDecoder, file, merges};
use crate::trace::Token;
use crate::{Error, Result, json_cause};

/// The largest files in use have about 40 megabytes.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// A text up to this length is always encoded, however short the model's context is. Encoding takes about 160
/// bytes of memory per byte.
pub const MAX_TEXT_BYTES: usize = 2 << 20;

/// Options of [`Tokenizer::encode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Whether to add the special tokens of the tokenizer's post-processor, such as `<bos>`.
    pub add_special_tokens: bool,
    /// Whether to encode characters that are not in the vocabulary as the unknown token instead of refusing
    /// the text.
    pub allow_unknown: bool,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { add_special_tokens: true, allow_unknown: false }
    }
}

/// A tokenizer, read from a `tokenizer.json` or from the metadata of a GGUF file.
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
    /// The model's token for unknown characters.
    pub(super) unknown: Option<Unknown>,
    /// Whether the model drops unknown characters, and whether there can be any.
    pub(super) may_drop: bool,
    /// The name of the file in error messages.
    pub(super) label: String,
    added: HashMap<u32, Added>,
    text_end_ids: Vec<u32>,
    turn_end_ids: Vec<u32>,
    longest_token_bytes: usize,
    base_vocab_size: usize,
    vocab_size: usize,
}

/// A token that is matched in a text before anything else.
#[derive(Debug)]
struct Added {
    text: String,
    is_special: bool,
}

/// Special tokens that always end a text, even if a model's files do not say so. llama.cpp recognises them by
/// their spellings too.
const TEXT_ENDS: [&str; 6] =
    ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "[EOS]", "<｜end▁of▁sentence｜>"];

/// Special tokens that end a turn of a chat. Outside a chat they do not end the text, because the next turn
/// follows.
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

/// The token that stands for unknown characters.
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
    /// See [`Self::from_bytes`]; also if the file cannot be read.
    pub fn from_file(path: &Path) -> Result<Self> {
        Self::from_bytes(&path.display().to_string(), &file::read(path, MAX_FILE_BYTES)?)
    }

    /// Reads the contents of a `tokenizer.json`; error messages call it `label`.
    ///
    /// Truncation, padding and BPE dropout are switched off even if the file switches them on, so that a
    /// prompt is never changed silently.
    ///
    /// # Errors
    ///
    /// Bad input that says what is wrong with the file.
    pub fn from_bytes(label: &str, bytes: &[u8]) -> Result<Self> {
        let wrong = |why: String| invalid(label).detail(why);
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

    /// Looks up everything that is needed later; error messages call the file `label`.
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

    /// One more than the largest id of the vocabulary without added tokens.
    pub fn base_vocab_size(&self) -> usize {
        self.base_vocab_size
    }

    /// The ids of `text`.
    ///
    /// A text that spells out the unknown token, such as `<unk>`, is accepted if the tokenizer encodes that
    /// spelling as one token.
    ///
    /// # Errors
    ///
    /// Bad input that names the first character that is not in the vocabulary, and its position. Characters
    /// that the tokenizer would drop silently are refused even with [`EncodeOptions::allow_unknown`].
    pub fn encode(&self, text: &str, options: EncodeOptions) -> Result<Vec<u32>> {
        let encoded = self.encoded(text, options.add_special_tokens)?;
        self.check_unknown(text, &encoded, options.allow_unknown)?;
        Ok(encoded.encoding.get_ids().to_vec())
    }

    /// Refuses a `text` that is too long to be encoded. The limit is the length of `max_seq_len` of the
    /// longest tokens, but at least 2 MiB, so that a caller can keep the end of a text that is longer than
    /// the context.
    ///
    /// # Errors
    ///
    /// Bad input that names the text's length and the limit.
    pub fn check_length(&self, text: &str, max_seq_len: usize) -> Result<()> {
        // Normalisation may shorten a character to a quarter of its bytes.
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
            .hint("shorten the prompt; up to that length, --truncate-prompt keeps only its end"))
    }

    /// The token with this id. An id that the tokenizer does not have, as in a padded vocabulary, has neither
    /// text nor bytes.
    pub fn token(&self, id: u32) -> Token {
        let bytes = self.bytes_of(id);
        Token { id, text: bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()), bytes }
    }

    /// Whether an id is a special token such as `<bos>`, which is not part of the text.
    pub fn is_special(&self, id: u32) -> bool {
        self.special_text(id).is_some()
    }

    /// The spelling of a special token such as `<bos>`; `None` for other tokens.
    pub fn special_text(&self, id: u32) -> Option<&str> {
        self.added.get(&id).filter(|token| token.is_special).map(|token| token.text.as_str())
    }

    /// The special tokens whose well-known spellings, such as `<|endoftext|>`, mean that a text ends. A
    /// model's files may name others.
    pub fn text_end_ids(&self) -> &[u32] {
        &self.text_end_ids
    }

    /// The special tokens whose well-known spellings, such as `<|im_end|>`, mean that a turn of a chat ends.
    /// A template may use others.
    pub fn turn_end_ids(&self) -> &[u32] {
        &self.turn_end_ids
    }

    /// The id of the added token, such as `<end_of_turn>`, that `text` begins with.
    pub(super) fn leading_added_token(&self, text: &str) -> Option<u32> {
        let options = EncodeOptions { add_special_tokens: false, allow_unknown: true };
        let first = *self.encode(text, options).ok()?.first()?;
        self.added.contains_key(&first).then_some(first)
    }

    /// The text of `ids`. Special tokens are left out. Invalid UTF-8 and unknown ids become U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut stream = self.stream();
        let mut text: String = ids.iter().filter_map(|&id| stream.push(id)).collect();
        text.extend(stream.finish());
        text
    }

    /// A decoder for tokens that arrive one at a time.
    ///
    /// If the tokens continue a prompt, push the prompt's ids first, because a tokenizer may drop a space at
    /// the start of a text.
    pub fn stream(&self) -> StreamDecoder<'_> {
        StreamDecoder::new(self)
    }

    /// The bytes of one token; `None` if the tokenizer does not have it.
    pub(super) fn bytes_of(&self, id: u32) -> Option<Vec<u8>> {
        let entry = self.inner.id_to_token(id)?;
        // Added tokens do not use the vocabulary's byte spelling.
        Some(if self.added.contains_key(&id) { entry.into_bytes() } else { self.pieces.bytes(&entry) })
    }
}

/// The message for a part that panics.
pub(super) const PANICKED: &str = "the tokenizers crate panicked";

/// Runs a part of the `tokenizers` crate and catches panics: a damaged file can make it index out of bounds.
pub(super) fn guarded<T>(run: impl FnOnce() -> tokenizers::Result<T>) -> std::result::Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(PANICKED.to_owned()),
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

/// The ids of the special tokens with these spellings, in order.
///
/// `<|end|>` is left out if the vocabulary has `<|return|>`, as that of gpt-oss does: it then separates two
/// messages of one answer.
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
