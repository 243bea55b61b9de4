//! The steps of a tokenizer's normalizer, pre-tokenizer and decoder.

use tokenizers::decoders::DecoderWrapper;
use tokenizers::normalizers::{NormalizerWrapper, Replace};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

/// A part of a tokenizer, which may be a sequence of steps.
pub(super) trait Step: Sized {
    /// The steps of a sequence; `None` if this is a single step.
    fn steps(&self) -> Option<&[Self]>;

    /// Its `type` in a `tokenizer.json`.
    fn name(&self) -> &'static str;
}

/// All steps, with nested sequences flattened.
pub(super) fn flat<T: Step>(part: &T) -> Vec<&T> {
    match part.steps() {
        None => vec![part],
        Some(steps) => steps.iter().flat_map(flat).collect(),
    }
}

impl Step for NormalizerWrapper {
    fn steps(&self) -> Option<&[Self]> {
        match self {
            Self::Sequence(sequence) => Some(sequence.as_ref()),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::BertNormalizer(_) => "BertNormalizer",
            Self::StripNormalizer(_) => "Strip",
            Self::StripAccents(_) => "StripAccents",
            Self::NFC(_) => "NFC",
            Self::NFD(_) => "NFD",
            Self::NFKC(_) => "NFKC",
            Self::NFKD(_) => "NFKD",
            Self::Sequence(_) => "Sequence",
            Self::Lowercase(_) => "Lowercase",
            Self::Nmt(_) => "Nmt",
            Self::Precompiled(_) => "Precompiled",
            Self::Replace(_) => "Replace",
            Self::Prepend(_) => "Prepend",
            Self::ByteLevel(_) => "ByteLevel",
        }
    }
}

impl Step for PreTokenizerWrapper {
    fn steps(&self) -> Option<&[Self]> {
        match self {
            Self::Sequence(sequence) => Some(sequence.as_ref()),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::BertPreTokenizer(_) => "BertPreTokenizer",
            Self::ByteLevel(_) => "ByteLevel",
            Self::Delimiter(_) => "CharDelimiterSplit",
            Self::Metaspace(_) => "Metaspace",
            Self::Whitespace(_) => "Whitespace",
            Self::Sequence(_) => "Sequence",
            Self::Split(_) => "Split",
            Self::Punctuation(_) => "Punctuation",
            Self::WhitespaceSplit(_) => "WhitespaceSplit",
            Self::Digits(_) => "Digits",
            Self::UnicodeScripts(_) => "UnicodeScripts",
            Self::FixedLength(_) => "FixedLength",
        }
    }
}

impl Step for DecoderWrapper {
    fn steps(&self) -> Option<&[Self]> {
        match self {
            Self::Sequence(sequence) => Some(sequence.get_decoders()),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::BPE(_) => "BPEDecoder",
            Self::ByteLevel(_) => "ByteLevel",
            Self::WordPiece(_) => "WordPiece",
            Self::Metaspace(_) => "Metaspace",
            Self::CTC(_) => "CTC",
            Self::Sequence(_) => "Sequence",
            Self::Replace(_) => "Replace",
            Self::Fuse(_) => "Fuse",
            Self::Strip(_) => "Strip",
            Self::ByteFallback(_) => "ByteFallback",
        }
    }
}

/// The pattern that a step replaces: a literal text (`Ok`) or a regular expression (`Err`).
///
/// The crate keeps the pattern private, so it is read from the serialised step.
pub(super) fn pattern_of(replace: &Replace) -> Option<Result<String, String>> {
    let mut json = serde_json::to_value(replace).ok()?;
    let pattern = json.get_mut("pattern")?;
    for (kind, is_text) in [("String", true), ("Regex", false)] {
        if let Some(serde_json::Value::String(pattern)) = pattern.get_mut(kind).map(serde_json::Value::take) {
            return Some(if is_text { Ok(pattern) } else { Err(pattern) });
        }
    }
    None
}
