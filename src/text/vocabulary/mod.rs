//! The tokenizer of a GGUF file, built from the file's metadata.
//!
//! Two kinds are in use: SentencePiece (`llama`), which has pieces with scores for its BPE or Unigram model,
//! and byte-level BPE (`gpt2`), which has a list of merges. Both become a [`Tokenizer`], just as a
//! `tokenizer.json` does.

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
use super::bos_eos::{self, BosEos};
use super::tokenizer::guarded;
use crate::{Error, Result};

/// The fields `tokenizer.ggml.*` of a GGUF file, by the same names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vocabulary {
    /// `llama` for SentencePiece's BPE or Unigram, which differ in their scores; `gpt2` for byte-level BPE.
    pub model: String,
    /// The pre-tokenizer of a byte-level BPE, such as `gpt-2`, `llama-bpe`, `qwen2` or `tekken`.
    pub pre: Option<String>,
    /// The text of each token; the index is its id. `[vocab_size]`.
    pub tokens: Vec<String>,
    /// The score of each SentencePiece piece: its rank among a BPE's merges (0, −1, −2 …), or a Unigram
    /// model's log-probability. `[vocab_size]`, or empty for `gpt2`.
    pub scores: Vec<f32>,
    /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. `[vocab_size]`, or empty.
    pub token_types: Vec<i32>,
    /// The merges of a byte-level BPE in order, each written as `left right`. Empty for `llama`.
    pub merges: Vec<String>,
    /// The token that begins a text.
    pub bos_token_id: Option<u32>,
    /// The token that ends a text.
    pub eos_token_id: Option<u32>,
    /// The token that stands for unknown characters.
    pub unknown_token_id: Option<u32>,
    /// The token that pads a batch.
    pub padding_token_id: Option<u32>,
    /// Whether encoding begins with [`Self::bos_token_id`]. The default depends on the kind of tokenizer.
    pub add_bos_token: Option<bool>,
    /// Whether encoding ends with [`Self::eos_token_id`]; `None` means no.
    pub add_eos_token: Option<bool>,
    /// Whether SentencePiece inserts a space before a text; `None` means yes.
    pub add_space_prefix: Option<bool>,
    /// Whether SentencePiece trims spaces at the ends of a text and merges runs of spaces into one; `None`
    /// means no.
    pub remove_extra_whitespaces: Option<bool>,
}

impl Tokenizer {
    /// Builds the tokenizer that a GGUF file describes; error messages call the file `label`.
    ///
    /// Control and unknown tokens become special tokens. User-defined tokens are matched in a text before
    /// anything else. If `tokenizer.ggml.pre` of a byte-level vocabulary is missing or `default`, GPT-2's
    /// pre-tokenizer is used, with a warning.
    ///
    /// # Errors
    ///
    /// Bad input that names the field: an unknown `model` or `pre`, no tokens, a duplicate token, a wrong
    /// number of scores or types, ids that are not in the vocabulary, or merges without a token.
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
        inner.with_post_processor(post_processor(label, &vocabulary, adds_bos)?);
        let added: Vec<AddedToken> = vocabulary
            .tokens
            .iter()
            .zip(&roles)
            .filter_map(|(token, role)| added_token(token, *role))
            .collect();
        guarded(|| inner.add_tokens(added)).map_err(|why| invalid(label, why))?;
        Ok(Self::from_parts(label, inner, unigram_unknown))
    }
}

/// The kinds that `tokenizer.ggml.model` can name.
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
            _ => Err(Error::input(format!("cannot use {label}: its kind of tokenizer is not supported"))
                .detail(format!("found {model:?} in tokenizer.ggml.model, expected \"llama\" or \"gpt2\""))),
        }
    }
}

fn invalid(label: &str, why: String) -> Error {
    Error::input(format!("cannot use {label}: its tokenizer is invalid")).detail(why)
}

/// Each token's id. Empty tokens only fill gaps, so they are left out.
fn ids(tokens: &[String]) -> Vocab {
    tokens.iter().cloned().zip(0..).filter(|(token, _)| !token.is_empty()).collect()
}

/// The token, if it is one that is matched in a text before anything else.
fn added_token(token: &str, role: Role) -> Option<AddedToken> {
    match role {
        Role::Control | Role::Unknown => Some(AddedToken::from(token, true)),
        Role::UserDefined => Some(AddedToken::from(token, false).normalized(false)),
        Role::Normal | Role::Unused | Role::Byte => None,
    }
}

/// The post-processor that adds `<bos>` and `<eos>`.
fn post_processor(
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
    bos_eos::post_processor(&BosEos { bos: bos.map(token), eos: eos.map(token) })
        .map_err(|why| invalid(label, why))
}
