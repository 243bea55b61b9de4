//! Byte-level BPE: tokens are spelled in GPT-2's table of bytes, and a list gives the merges.

use std::collections::HashSet;

use tokenizers::models::bpe::{BPE, Merges};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use super::pre_tokenizer::{PreTokenizer, pre_tokenizer};
use super::{Vocabulary, invalid};
use crate::text::tokenizer::guarded;
use crate::{Error, Result};

/// Builds the tokenizer without added tokens and post-processor. The flag is the default of `add_bos_token`.
pub(super) fn build(label: &str, vocabulary: &Vocabulary) -> Result<(tokenizers::Tokenizer, bool)> {
    let rule = pre_tokenizer(label, vocabulary.pre.as_deref())?;
    let bpe = BPE::builder()
        .vocab_and_merges(super::ids(&vocabulary.tokens), merges(label, vocabulary)?)
        .ignore_merges(rule.ignores_merges);
    let inner = guarded(|| {
        let mut inner = tokenizers::Tokenizer::new(bpe.build()?);
        if rule.composes {
            inner.with_normalizer(Some(NFC))?;
        }
        inner.with_pre_tokenizer(Some(steps(rule)?));
        inner.with_decoder(Some(ByteLevel::new(false, true, true)));
        Ok(inner)
    });
    Ok((inner.map_err(|why| invalid(label, why))?, rule.adds_bos))
}

/// Splits at each pattern in turn, then spells the words as bytes.
fn steps(rule: &PreTokenizer) -> tokenizers::Result<Sequence> {
    let mut steps: Vec<PreTokenizerWrapper> = Vec::new();
    for pattern in rule.patterns {
        let pattern = SplitPattern::Regex(pattern.to_string());
        steps.push(Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?.into());
    }
    steps.push(ByteLevel::new(false, true, false).into());
    Ok(Sequence::new(steps))
}

fn merges(label: &str, vocabulary: &Vocabulary) -> Result<Merges> {
    let tokens: HashSet<&str> = vocabulary.tokens.iter().map(String::as_str).collect();
    let wrong = |index: usize, why: String| {
        Error::input(format!("cannot use {label}: merge {} of its tokenizer is invalid", index + 1))
            .detail(format!("found {:?} in tokenizer.ggml.merges, {why}", vocabulary.merges[index]))
    };
    let mut merged = String::new();
    vocabulary
        .merges
        .iter()
        .enumerate()
        .map(|(index, merge)| {
            let (left, right) = merge
                .split_once(' ')
                .filter(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains(' '))
                .ok_or_else(|| wrong(index, "expected two tokens with a space between them".to_string()))?;
            merged.clear();
            merged.extend([left, right]);
            match [left, right, &merged].into_iter().find(|&token| !tokens.contains(token)) {
                Some(missing) => Err(wrong(index, format!("expected {missing:?} in tokenizer.ggml.tokens"))),
                None => Ok((left.to_string(), right.to_string())),
            }
        })
        .collect()
}
