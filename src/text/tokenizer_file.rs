//! Checks every part of a `tokenizer.json` except the model, before the `tokenizers` crate builds the whole.
//!
//! The crate's own errors name its Rust types. It also may give an added token another id than the file says,
//! and it runs normalizers over added tokens while it reads the file.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::{NormalizedString, Normalizer};

use super::growth::Limited;
use super::parts::{Step, flat, pattern_of};
use super::tokenizer::guarded;
use crate::{Error, Result, json_cause};

const NORMALIZERS: &[&str] = &[
    "Bert",
    "BertNormalizer",
    "Strip",
    "StripAccents",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Sequence",
    "Lowercase",
    "Nmt",
    "Precompiled",
    "Replace",
    "Prepend",
    "ByteLevel",
];
const PRE_TOKENIZERS: &[&str] = &[
    "BertPreTokenizer",
    "ByteLevel",
    "Delimiter",
    "CharDelimiterSplit",
    "Metaspace",
    "Whitespace",
    "Sequence",
    "Split",
    "Punctuation",
    "WhitespaceSplit",
    "Digits",
    "UnicodeScripts",
    "FixedLength",
];
const POST_PROCESSORS: &[&str] =
    &["RobertaProcessing", "BertProcessing", "ByteLevel", "TemplateProcessing", "Sequence"];
const DECODERS: &[&str] = &[
    "BPEDecoder",
    "ByteLevel",
    "WordPiece",
    "Metaspace",
    "CTC",
    "Sequence",
    "Replace",
    "Fuse",
    "Strip",
    "ByteFallback",
];
const MODELS: &[&str] = &["BPE", "Unigram", "WordPiece", "WordLevel"];

/// The most steps in a part, with nested sequences flattened. The longest part in use has ten.
pub const MAX_STEPS: usize = 256;
/// The most tokens that a post-processor may add to a text.
pub const MAX_SPECIAL_TOKENS: usize = 1_000;
/// How many times longer a decoder may make a token's text.
pub const MAX_DECODER_GROWTH: usize = 64;
/// The largest `max_input_chars_per_word` of a WordPiece model. Its time grows with the square of a word's
/// length.
pub const MAX_WORD_CHARS: usize = 1_000;

/// The file without its vocabulary.
#[derive(Debug, Deserialize)]
pub(super) struct TokenizerFile {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    #[serde(default)]
    added_tokens: Vec<Added>,
    model: Option<Kind>,
}

#[derive(Debug, Deserialize)]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    normalized: bool,
}

/// A model's `type`, which older files do not have.
#[derive(Debug, Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: Option<Value>,
}

impl TokenizerFile {
    /// Reads the file and checks everything except the model.
    pub fn read(label: &str, bytes: &[u8]) -> Result<Self> {
        let file: Self = serde_json::from_slice(bytes)
            .map_err(|error| invalid(label).detail(json_cause::plain(&error)))?;
        let found = match &file.model {
            None => Some("no model".to_owned()),
            Some(Kind { name: Some(name), .. })
                if !name.as_str().is_some_and(|name| MODELS.contains(&name)) =>
            {
                Some(format!("model.type = {}", shown(name)))
            }
            Some(_) => None,
        };
        if let Some(found) = found {
            return Err(
                invalid(label).detail(format!("found {found}, expected one of {}", MODELS.join(", ")))
            );
        }
        let normalizer: Option<NormalizerWrapper> = part(label, "normalizer", &file.normalizer, NORMALIZERS)?;
        let pre_tokenizer: Option<PreTokenizerWrapper> =
            part(label, "pre_tokenizer", &file.pre_tokenizer, PRE_TOKENIZERS)?;
        part::<PostProcessorWrapper>(label, "post_processor", &file.post_processor, POST_PROCESSORS)?;
        let decoder: Option<DecoderWrapper> = part(label, "decoder", &file.decoder, DECODERS)?;
        check_steps(label, "normalizer", normalizer.as_ref())?;
        check_steps(label, "pre_tokenizer", pre_tokenizer.as_ref())?;
        check_steps(label, "decoder", decoder.as_ref())?;
        check_post_processor(label, &file.post_processor)?;
        check_decoder(label, decoder.as_ref())?;
        file.check_normalized(label, normalizer.as_ref())?;
        Ok(file)
    }

    /// Normalises the added tokens within limits. The crate does that while it reads the file, but without
    /// limits.
    fn check_normalized(&self, label: &str, normalizer: Option<&NormalizerWrapper>) -> Result<()> {
        let normalized = || self.added_tokens.iter().filter(|token| token.normalized);
        let limited = Limited::new(normalizer, normalized().map(|token| token.content.len()).sum());
        for token in normalized() {
            // `limited` keeps its failure.
            let _ = limited.normalize(&mut NormalizedString::from(token.content.as_str()));
            if let Some(why) = limited.failure() {
                return Err(Error::input(format!("cannot use {label}: its normalizer fails"))
                    .detail(format!("for the added token {}: {why}", excerpt(&token.content))));
            }
        }
        Ok(())
    }

    /// Checks that the tokenizer gives the added tokens the ids that the file has, and that its model runs in
    /// acceptable time.
    pub fn check_built(&self, label: &str, inner: &tokenizers::Tokenizer) -> Result<()> {
        for token in self.added_tokens.iter().filter(|token| !token.content.is_empty()) {
            let found = inner.token_to_id(&token.content);
            if found != Some(token.id) {
                let other = found.map_or_else(|| "none".to_owned(), |id| id.to_string());
                return Err(Error::input(format!("cannot use {label}: an added token has another id"))
                    .detail(format!(
                        "found id {} for {} in added_tokens, but the tokenizer gives it {other}",
                        token.id,
                        excerpt(&token.content)
                    ))
                    .hint("ids of added tokens continue those of the vocabulary, in the order of the file"));
            }
        }
        match inner.get_model() {
            ModelWrapper::WordPiece(model) if model.max_input_chars_per_word > MAX_WORD_CHARS => {
                Err(invalid(label).detail(format!(
                    "found model.max_input_chars_per_word = {}, expected at most {MAX_WORD_CHARS}",
                    model.max_input_chars_per_word
                )))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn invalid(label: &str) -> Error {
    Error::input(format!("cannot use {label}: it is not a valid tokenizer.json"))
}

/// Builds one part alone, so that an error can name it.
fn part<T: DeserializeOwned>(label: &str, name: &str, value: &Value, kinds: &[&str]) -> Result<Option<T>> {
    if value.is_null() {
        return Ok(None);
    }
    let failed = match guarded(|| Ok(serde_json::from_value::<T>(value.clone()))) {
        Ok(Ok(part)) => return Ok(Some(part)),
        Ok(Err(error)) => json_cause::plain(&error),
        Err(why) => why,
    };
    let detail = match unknown_kind(value, kinds) {
        Some(kind) => format!("found type {kind} in {name}, expected one of {}", kinds.join(", ")),
        None => {
            let kind = value.get("type").map_or_else(|| "no type".to_owned(), shown);
            format!("its {name} ({kind}) is invalid: {failed}")
        }
    };
    Err(invalid(label).detail(detail))
}

/// The first type that is not one of `kinds`, also inside sequences.
fn unknown_kind(value: &Value, kinds: &[&str]) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let own =
                fields.get("type").filter(|kind| !kind.as_str().is_some_and(|kind| kinds.contains(&kind)));
            let steps = ["normalizers", "pretokenizers", "processors", "decoders"];
            own.map(shown).or_else(|| {
                steps.iter().filter_map(|key| fields.get(*key)).find_map(|steps| unknown_kind(steps, kinds))
            })
        }
        Value::Array(steps) => steps.iter().find_map(|step| unknown_kind(step, kinds)),
        _ => None,
    }
}

fn check_steps<T: Step>(label: &str, name: &str, part: Option<&T>) -> Result<()> {
    match part.map_or(0, |part| flat(part).len()) {
        0..=MAX_STEPS => Ok(()),
        count => {
            Err(invalid(label).detail(format!("found {count} steps in {name}, expected at most {MAX_STEPS}")))
        }
    }
}

/// Refuses a post-processor that repeats the text or adds too many tokens.
fn check_post_processor(label: &str, post_processor: &Value) -> Result<()> {
    let mut templates = Vec::new();
    collect_templates(post_processor, &mut templates);
    let mut num_added = 0_usize;
    for template in templates {
        let pieces = template["single"].as_array().map(Vec::as_slice).unwrap_or_default();
        let texts = pieces.iter().filter(|piece| piece.get("Sequence").is_some()).count();
        if texts > 1 {
            return Err(invalid(label)
                .detail(format!("its post_processor repeats the text {texts} times, expected once")));
        }
        for token in pieces.iter().filter_map(|piece| piece["SpecialToken"]["id"].as_str()) {
            let ids = template["special_tokens"][token]["ids"].as_array().map_or(1, Vec::len);
            num_added = num_added.saturating_add(ids);
        }
    }
    if num_added > MAX_SPECIAL_TOKENS {
        return Err(invalid(label).detail(format!(
            "its post_processor adds {num_added} tokens to a text, expected at most {MAX_SPECIAL_TOKENS}"
        )));
    }
    Ok(())
}

fn collect_templates<'a>(value: &'a Value, templates: &mut Vec<&'a Value>) {
    if value.get("single").is_some() {
        templates.push(value);
    }
    for step in value["processors"].as_array().into_iter().flatten() {
        collect_templates(step, templates);
    }
}

/// Refuses a decoder whose steps can multiply the length of a token's text too much.
fn check_decoder(label: &str, decoder: Option<&DecoderWrapper>) -> Result<()> {
    let mut growth = 1_usize;
    for step in decoder.map(flat).unwrap_or_default() {
        let own = match step {
            DecoderWrapper::Replace(replace) => match pattern_of(replace) {
                Some(Ok(pattern)) if !pattern.is_empty() => replace.content.len().div_ceil(pattern.len()),
                _ => replace.content.len() + 1,
            },
            DecoderWrapper::CTC(ctc) if ctc.word_delimiter_token.is_empty() => 2,
            DecoderWrapper::BPE(bpe) if bpe.suffix.is_empty() => 2,
            DecoderWrapper::ByteLevel(_) => 3,
            _ => 1,
        };
        growth = growth.saturating_mul(own.max(1));
        if growth > MAX_DECODER_GROWTH {
            return Err(Error::input(format!("cannot use {label}: its decoder makes tokens too long")).detail(
                format!(
                    "its step {} makes a token up to {growth} times longer, expected at most {MAX_DECODER_GROWTH} times",
                    step.name()
                ),
            ));
        }
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    excerpt(&match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// The start of a text from the file, quoted.
fn excerpt(text: &str) -> String {
    format!("{:?}", crate::shown::start(text, 40))
}
