//! Checks a vocabulary's fields before a tokenizer is built from them.

use std::collections::HashMap;

use super::Vocabulary;
use crate::{Error, Result};

/// Checks sizes, ids and scores, and that no token occurs twice.
pub(super) fn check(label: &str, vocabulary: &Vocabulary) -> Result<()> {
    let num_tokens = vocabulary.tokens.len();
    if num_tokens == 0 || u32::try_from(num_tokens).is_err() {
        return Err(Error::input(format!("cannot use {label}: its vocabulary has an invalid size")).detail(
            format!("found {num_tokens} tokens in tokenizer.ggml.tokens, expected 1 to {}", u32::MAX),
        ));
    }
    for (field, found) in [("scores", vocabulary.scores.len()), ("token_type", vocabulary.token_types.len())]
    {
        if found != 0 && found != num_tokens {
            return Err(Error::input(format!(
                "cannot use {label}: tokenizer.ggml.{field} has the wrong length"
            ))
            .detail(format!("found {found} entries, expected one for each of {num_tokens} tokens")));
        }
    }
    if let Some(id) = vocabulary.scores.iter().position(|score| score.is_nan()) {
        return Err(Error::input(format!("cannot use {label}: a score of its tokenizer is not a number"))
            .detail(format!(
                "found NaN in tokenizer.ggml.scores for token {id}, {:?}",
                vocabulary.tokens[id]
            )));
    }
    for (field, id) in [
        ("bos_token_id", vocabulary.bos_token_id),
        ("eos_token_id", vocabulary.eos_token_id),
        ("unknown_token_id", vocabulary.unknown_token_id),
        ("padding_token_id", vocabulary.padding_token_id),
    ] {
        if let Some(id) = id.filter(|&id| id as usize >= num_tokens) {
            return Err(Error::input(format!(
                "cannot use {label}: tokenizer.ggml.{field} is not in the vocabulary"
            ))
            .detail(format!("found {id}, expected at most {}", num_tokens - 1)));
        }
    }
    check_unique(label, &vocabulary.tokens)
}

/// Refuses duplicate tokens. Empty tokens fill gaps in some vocabularies and may repeat.
fn check_unique(label: &str, tokens: &[String]) -> Result<()> {
    let mut ids = HashMap::with_capacity(tokens.len());
    for (id, token) in tokens.iter().enumerate().filter(|(_, token)| !token.is_empty()) {
        if let Some(first) = ids.insert(token.as_str(), id) {
            let shown: String = token.chars().take(40).collect();
            return Err(Error::input(format!("cannot use {label}: its vocabulary has a token twice"))
                .detail(format!("found {shown:?} as tokens {first} and {id} of tokenizer.ggml.tokens")));
        }
    }
    Ok(())
}
