//! Checks a BPE model before the `tokenizers` crate builds it.
//!
//! The crate's builder copies the two halves of each merge into a buffer that is as long as the longest
//! token, without a check. A merge whose result is not in the vocabulary would panic there.

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

/// A merge as two tokens or, in older files, as one string with a space between them.
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
    /// A Unigram model's list of tokens and scores, which needs no check.
    Other(serde::de::IgnoredAny),
}

impl Default for Vocab<'_> {
    fn default() -> Self {
        Vocab::Other(serde::de::IgnoredAny)
    }
}

/// Checks the merges of a `tokenizer.json` and returns the id of a Unigram model's unknown token.
///
/// A file that does not parse passes this check, because the crate reports its error later.
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
            return Err(Error::input(format!(
                "cannot use {label}: merge {} is not in the vocabulary",
                index + 1
            ))
            .detail(format!("found {missing} in model.vocab for the merge of {left:?} and {right:?}")));
        }
    }
    Ok(model.unk_id)
}
