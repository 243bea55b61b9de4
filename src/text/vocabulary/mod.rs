//! The tokenizer of a GGUF file, built from the file's metadata.
//!
//! Two kinds are in use: SentencePiece's pieces with scores (`llama`), of its BPE or of its Unigram model, and byte-level
//! BPE with a list of merges (`gpt2`). All become the same [`Tokenizer`] that a `tokenizer.json` becomes.

mod byte_level;
mod check;
mod pre_tokenizer;
mod roles;
mod sentencepiece;

use tokenizers::AddedToken;
use tokenizers::models::bpe::Vocab;
use tokenizers::processors::PostProcessorWrapper;

use self::roles::Role;
use super::Tokenizer;
use super::around::{self, Around};
use super::tokenizer::guarded;
use crate::{Error, Result};

/// What a GGUF file says about its tokenizer: the fields `tokenizer.ggml.*`, by their names there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vocabulary {
    /// `llama` for SentencePiece's BPE or Unigram, which the scores tell apart, `gpt2` for byte-level BPE.
    pub model: String,
    /// Which rule cuts a text into words before a byte-level BPE sees it: `gpt-2`, `llama-bpe`, `qwen2`, `tekken`.
    pub pre: Option<String>,
    /// The text of each token; the index is its id. `[vocab_size]`.
    pub tokens: Vec<String>,
    /// What a SentencePiece piece is worth: a BPE's place in the order of merges, 0, −1, −2 …, or a Unigram's
    /// log-probability. `[vocab_size]`, or empty for `gpt2`.
    pub scores: Vec<f32>,
    /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. `[vocab_size]`, or empty.
    pub token_types: Vec<i32>,
    /// The merges of a byte-level BPE, `left right`, the first one first. Empty for `llama`.
    pub merges: Vec<String>,
    /// The token that begins a text.
    pub bos_token_id: Option<u32>,
    /// The token that ends a text.
    pub eos_token_id: Option<u32>,
    /// The token that stands for what the vocabulary lacks.
    pub unknown_token_id: Option<u32>,
    /// The token that fills up a batch.
    pub padding_token_id: Option<u32>,
    /// Whether encoding begins with [`Self::bos_token_id`]; where it is missing, what the kind of tokenizer does.
    pub add_bos_token: Option<bool>,
    /// Whether encoding ends with [`Self::eos_token_id`]; `None` is no.
    pub add_eos_token: Option<bool>,
    /// Whether SentencePiece puts a space before a text; `None` is yes.
    pub add_space_prefix: Option<bool>,
    /// Whether SentencePiece drops spaces at the ends of a text, and all but one in a row; `None` is no.
    pub remove_extra_whitespaces: Option<bool>,
}

impl Tokenizer {
    /// Builds the tokenizer that a GGUF file describes; messages call the file `label`.
    ///
    /// Control and unknown tokens become special tokens, user-defined ones tokens that are matched before everything
    /// else. A byte-level vocabulary whose `tokenizer.ggml.pre` is missing or `default` is cut by GPT-2's rule, with
    /// a warning.
    ///
    /// # Errors
    ///
    /// Bad input that names the field: an unknown `model` or `pre`, no tokens, the same token twice, scores or types
    /// that do not fit the tokens, ids past the vocabulary, or merges that no token matches.
    pub fn from_vocabulary(label: &str, vocabulary: Vocabulary) -> Result<Self> {
        let kind = Kind::of(label, &vocabulary.model)?;
        check::check(label, &vocabulary)?;
        let roles = roles::roles(label, &vocabulary)?;
        let mut unigram_unknown = None;
        let (mut inner, adds_bos) = match kind {
            Kind::SentencePiece => {
                let built = sentencepiece::build(label, &vocabulary, &roles)?;
                unigram_unknown = built.unigram_unknown;
                (built.inner, true)
            }
            Kind::ByteLevel => byte_level::build(label, &vocabulary)?,
        };
        inner.with_post_processor(special_tokens_around(label, &vocabulary, adds_bos)?);
        let added: Vec<AddedToken> = vocabulary
            .tokens
            .iter()
            .zip(&roles)
            .filter_map(|(token, role)| added_token(token, *role))
            .collect();
        guarded(|| inner.add_tokens(added)).map_err(|why| unusable(label, why))?;
        Ok(Self::from_parts(label, inner, unigram_unknown))
    }
}

/// What `tokenizer.ggml.model` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    SentencePiece,
    ByteLevel,
}

impl Kind {
    fn of(label: &str, model: &str) -> Result<Self> {
        match model {
            "llama" => Ok(Kind::SentencePiece),
            "gpt2" => Ok(Kind::ByteLevel),
            _ => Err(Error::input(format!("cannot use {label}: its kind of tokenizer is not known"))
                .detail(format!("found {model:?} in tokenizer.ggml.model, expected \"llama\" or \"gpt2\""))),
        }
    }
}

fn unusable(label: &str, why: String) -> Error {
    Error::input(format!("cannot use {label}: its tokenizer is not usable")).detail(why)
}

/// The ids by their tokens; an empty token fills a gap, and is none.
fn ids(tokens: &[String]) -> Vocab {
    tokens.iter().cloned().zip(0..).filter(|(token, _)| !token.is_empty()).collect()
}

/// The tokens that a text is searched for before it is cut, as they are written.
fn added_token(token: &str, role: Role) -> Option<AddedToken> {
    match role {
        Role::Control | Role::Unknown => Some(AddedToken::from(token, true)),
        Role::UserDefined => Some(AddedToken::from(token, false).normalized(false)),
        Role::Normal | Role::Unused | Role::Byte => None,
    }
}

/// What puts `<bos>` before a text, and `<eos>` behind it.
fn special_tokens_around(
    label: &str,
    vocabulary: &Vocabulary,
    adds_bos: bool,
) -> Result<Option<PostProcessorWrapper>> {
    let wanted =
        |field: &str, add: Option<bool>, id_field: &str, id: Option<u32>, default: bool| match (add, id) {
            (Some(true), None) => {
                Err(Error::input(format!("cannot use {label}: tokenizer.ggml.{id_field} is missing"))
                    .detail(format!("found tokenizer.ggml.{field} = true without it")))
            }
            (add, id) => Ok(id.filter(|_| add.unwrap_or(default))),
        };
    let Vocabulary { add_bos_token, bos_token_id, add_eos_token, eos_token_id, .. } = *vocabulary;
    let bos = wanted("add_bos_token", add_bos_token, "bos_token_id", bos_token_id, adds_bos)?;
    let eos = wanted("add_eos_token", add_eos_token, "eos_token_id", eos_token_id, false)?;
    let token = |id: u32| (vocabulary.tokens[id as usize].clone(), id);
    around::template(&Around { bos: bos.map(token), eos: eos.map(token) }).map_err(|why| unusable(label, why))
}
