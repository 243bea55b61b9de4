//! SentencePiece's BPE and Unigram models: pieces with scores, and bytes for characters without a piece.
//!
//! A GGUF file calls both `llama`; the scores tell them apart.
//!
//! - Unigram: a score is a piece's log-probability. The segmentation with the highest sum is chosen (Kudo
//!   2018, arXiv:1804.10959).
//! - BPE: a score is a piece's rank among the merges, 0, −1, −2 …. The two neighbours that join to the piece
//!   with the highest score are merged until none can be merged (Sennrich et al. 2016, arXiv:1508.07909; Kudo
//!   & Richardson 2018, arXiv:1808.06226). The `tokenizers` crate expects merges of two tokens instead, so
//!   every way to split a piece into two becomes a merge.

use std::cmp::Ordering;
use std::collections::HashMap;

use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence as Decoders;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, Merges};
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{NormalizerWrapper, Prepend, Replace, Sequence as Normalizers};

use super::roles::Role;
use super::{Vocabulary, invalid};
use crate::text::tokenizer::guarded;
use crate::{Error, Result};

/// The character that stands for a space in a piece: `▁`, U+2581.
const SPACE: char = '\u{2581}';

/// A tokenizer without added tokens and post-processor.
pub(super) struct Built {
    pub inner: tokenizers::Tokenizer,
    /// The id of a Unigram model's unknown token.
    pub unigram_unknown: Option<u32>,
}

pub(super) fn build(label: &str, vocabulary: &Vocabulary, roles: &[Role]) -> Result<Built> {
    if vocabulary.scores.is_empty() {
        return Err(Error::input(format!("cannot use {label}: tokenizer.ggml.scores is missing"))
            .detail(format!("found none, expected one for each of {} tokens", vocabulary.tokens.len()))
            .hint("a \"llama\" tokenizer needs them for the order of its merges"));
    }
    let unknown = roles.iter().position(|&role| role == Role::Unknown);
    let unknown = vocabulary.unknown_token_id.map(|id| id as usize).or(unknown);
    let is_unigram = is_unigram(label, vocabulary, roles);
    let has_prefix = vocabulary.add_space_prefix.unwrap_or(true);
    let inner = guarded(|| {
        let model: ModelWrapper = match is_unigram {
            true => unigram(vocabulary, roles, unknown)?.into(),
            false => bpe(vocabulary, roles, unknown)?.into(),
        };
        let mut inner = tokenizers::Tokenizer::new(model);
        inner.with_normalizer(Some(normalizer(vocabulary, has_prefix)?))?;
        inner.with_decoder(Some(decoder(has_prefix)?));
        Ok(inner)
    });
    let unigram_unknown = unknown.filter(|_| is_unigram).and_then(|id| u32::try_from(id).ok());
    Ok(Built { inner: inner.map_err(|why| invalid(label, why))?, unigram_unknown })
}

/// Whether the scores are log-probabilities. Hardly any of those is a whole number, while all of a BPE's are.
fn is_unigram(label: &str, vocabulary: &Vocabulary, roles: &[Role]) -> bool {
    let scores = || vocabulary.scores.iter().zip(roles).filter(|(_, role)| **role == Role::Normal);
    let (all, fractional) = (scores().count(), scores().filter(|(score, _)| score.fract() != 0.0).count());
    let is_unigram = fractional * 10 > all * 9;
    if fractional > 0 && !is_unigram {
        tracing::warn!(
            "{label} does not say whether its tokenizer is a BPE or a Unigram model. A BPE's scores are whole numbers, \
             but {fractional} of {all} are not. It is treated as a BPE"
        );
    }
    is_unigram
}

fn bpe(vocabulary: &Vocabulary, roles: &[Role], unknown: Option<usize>) -> tokenizers::Result<BPE> {
    let mut bpe = BPE::builder()
        .vocab_and_merges(super::ids(&vocabulary.tokens), merges(vocabulary, roles))
        .fuse_unk(true)
        .byte_fallback(roles.contains(&Role::Byte));
    if let Some(id) = unknown {
        bpe = bpe.unk_token(vocabulary.tokens[id].clone());
    }
    bpe.build()
}

fn unigram(vocabulary: &Vocabulary, roles: &[Role], unknown: Option<usize>) -> tokenizers::Result<Unigram> {
    let pieces =
        vocabulary.tokens.iter().cloned().zip(vocabulary.scores.iter().map(|&score| f64::from(score)));
    Unigram::from(pieces.collect(), unknown, roles.contains(&Role::Byte))
}

/// All ways to merge two pieces into a third, best first.
///
/// Equal scores are ordered as transformers' converter orders them: longer left parts come first.
fn merges(vocabulary: &Vocabulary, roles: &[Role]) -> Merges {
    let Vocabulary { tokens, scores, .. } = vocabulary;
    let pieces = || tokens.iter().enumerate().filter(|&(id, _)| roles[id] == Role::Normal);
    let ids: HashMap<&str, usize> = pieces().map(|(id, piece)| (piece.as_str(), id)).collect();
    let mut merges = Vec::new();
    for (id, piece) in pieces() {
        let num_chars = piece.chars().count();
        for (left_chars, (middle, _)) in piece.char_indices().enumerate().skip(1) {
            let (left, right) = piece.split_at(middle);
            if let (Some(&left), Some(&right)) = (ids.get(left), ids.get(right)) {
                merges.push((scores[id], left_chars, num_chars - left_chars, id, left, right));
            }
        }
    }
    merges.sort_unstable_by(|a, b| {
        let by_score = b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal);
        by_score.then_with(|| (b.1, b.2, a.3, a.4, a.5).cmp(&(a.1, a.2, b.3, b.4, b.5)))
    });
    merges.into_iter().map(|(.., left, right)| (tokens[left].clone(), tokens[right].clone())).collect()
}

fn normalizer(vocabulary: &Vocabulary, has_prefix: bool) -> tokenizers::Result<NormalizerWrapper> {
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if vocabulary.remove_extra_whitespaces == Some(true) {
        for (pattern, content) in [("^ +| +$", ""), (" {2,}", " ")] {
            steps.push(Replace::new(ReplacePattern::Regex(pattern.to_string()), content)?.into());
        }
    }
    if has_prefix {
        steps.push(Prepend::new(SPACE.to_string()).into());
    }
    steps.push(Replace::new(" ", SPACE.to_string())?.into());
    Ok(Normalizers::new(steps).into())
}

fn decoder(has_prefix: bool) -> tokenizers::Result<Decoders> {
    let mut steps =
        vec![Replace::new(SPACE.to_string(), " ")?.into(), ByteFallback::new().into(), Fuse::new().into()];
    if has_prefix {
        steps.push(Strip::new(' ', 1, 0).into());
    }
    Ok(Decoders::new(steps))
}
