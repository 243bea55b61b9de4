//! Checks of a BPE model that have to come before the `tokenizers` crate builds it.
//!
//! Its builder copies the two halves of each merge into a buffer as long as the longest token, without checks:
//! a merge whose result is not in the vocabulary panics there instead of being reported.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use crate::{Error, Result};

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    model: Option<Model<'a>>,
}

#[derive(Deserialize)]
struct Model<'a> {
    #[serde(borrow, default)]
    merges: Vec<Merge<'a>>,
    #[serde(borrow, default)]
    vocab: Vocab<'a>,
    continuing_subword_prefix: Option<String>,
    unk_id: Option<u32>,
}

/// A merge as two tokens, or in older files as one text with a space between them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge<'a> {
    Pair(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>),
    Line(#[serde(borrow)] Cow<'a, str>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vocab<'a> {
    Ids(#[serde(borrow)] HashMap<Cow<'a, str>, u32>),
    /// A unigram model's list of texts and scores, of no interest here.
    Other(serde::de::IgnoredAny),
}

impl Default for Vocab<'_> {
    fn default() -> Self {
        Vocab::Other(serde::de::IgnoredAny)
    }
}

/// Checks the merges of a `tokenizer.json`, and gives the id of a unigram model's unknown token.
///
/// A file of another form is let through: the crate says what is wrong with it.
pub(super) fn check(label: &str, bytes: &[u8]) -> Result<Option<u32>> {
    let Ok(File { model: Some(model) }) = serde_json::from_slice(bytes) else { return Ok(None) };
    let Vocab::Ids(vocab) = &model.vocab else { return Ok(model.unk_id) };
    let prefix = model.continuing_subword_prefix.as_deref().unwrap_or_default();
    for (index, merge) in model.merges.iter().enumerate() {
        let (left, right) = match merge {
            Merge::Pair(left, right) => (left.as_ref(), right.as_ref()),
            Merge::Line(line) => match line.split_once(' ') {
                Some(pair) => pair,
                None => continue,
            },
        };
        let merged = right.strip_prefix(prefix).map(|rest| format!("{left}{rest}"));
        let missing = match &merged {
            None => Some(format!("{right:?} without the prefix {prefix:?}")),
            Some(merged) => [left, right, merged]
                .into_iter()
                .find(|&token| !vocab.contains_key(token))
                .map(|token| format!("no token {token:?}")),
        };
        if let Some(missing) = missing {
            return Err(Error::input(format!("cannot use {label}: merge {} has no token", index + 1))
                .detail(format!(
                    "found {missing} for the merge of {left:?} and {right:?}, expected one in model.vocab"
                )));
        }
    }
    Ok(model.unk_id)
}
