//! A bigram model, the simplest language model. It counts how often each token follows another in a text.
//!
//! p(b | a) = count(a b) / count(a ·). It sees only the last token, so a comparison with a transformer shows
//! what attention adds.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::language_model::LanguageModel;
use crate::sampling::Settings;
use crate::text::{EncodeOptions, Tokenizer, TokenizerKind, Training, check_ids};
use crate::trace::{AdapterInfo, ModelInfo, Prompt, SCHEMA, Step, Trace};
use crate::{Error, Result};

/// The unit of a bigram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Unit {
    /// Two characters.
    #[default]
    Char,
    /// Two words: runs of letters, digits or symbols, each with the space before it.
    Word,
}

impl FromStr for Unit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "char" => Ok(Self::Char),
            "word" => Ok(Self::Word),
            _ => Err(Error::input("unknown unit of bigrams")
                .detail(format!("found {text:?}, expected one of char, word"))),
        }
    }
}

/// A bigram language model. Clones share the counts.
#[derive(Debug, Clone)]
pub struct Bigram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    tokenizer: Tokenizer,
    /// For each token, the tokens that follow it and how often they do.
    successors: Vec<Vec<(u32, u64)>>,
    /// How often each token occurs.
    counts: Vec<u64>,
    text_sha256: String,
}

/// A text that a [`Bigram`] reads.
#[derive(Debug)]
pub struct BigramSession {
    model: Bigram,
    logits: Vec<f32>,
}

impl Bigram {
    /// Counts the bigrams of `text`; traces call the model `name`.
    ///
    /// # Errors
    /// Bad input if the text has fewer than two tokens.
    pub fn count(name: &str, text: &str, unit: Unit) -> Result<Self> {
        let kind = match unit {
            Unit::Char => TokenizerKind::Char,
            Unit::Word => TokenizerKind::Word,
        };
        // Large enough for all tokens.
        let training = Training { kind, vocab_size: 2_000_000, min_frequency: 1, ..Training::default() };
        let tokenizer = training.run([text])?;
        let options = EncodeOptions { allow_unknown: true, ..EncodeOptions::default() };
        let ids = tokenizer.encode(text, options)?;
        if ids.len() < 2 {
            return Err(Error::input("cannot count bigrams: the text is too short")
                .detail(format!("found {} tokens, expected 2 or more", ids.len())));
        }

        let mut counts = vec![0; tokenizer.vocab_size()];
        for &id in &ids {
            counts[id as usize] += 1;
        }
        let mut pairs: HashMap<(u32, u32), u64> = HashMap::new();
        for pair in ids.windows(2) {
            *pairs.entry((pair[0], pair[1])).or_default() += 1;
        }
        let mut successors = vec![Vec::new(); tokenizer.vocab_size()];
        for ((first, second), count) in pairs {
            successors[first as usize].push((second, count));
        }
        let text_sha256 = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(Arc::new(Inner { name: name.to_owned(), tokenizer, successors, counts, text_sha256 })))
    }

    /// How often `second` follows `first`.
    pub fn count_of(&self, first: u32, second: u32) -> u64 {
        let successors = self.0.successors.get(first as usize);
        successors.into_iter().flatten().find(|(id, _)| *id == second).map_or(0, |(_, count)| *count)
    }
}

impl LanguageModel for Bigram {
    type Session = BigramSession;

    fn session(&self, _max_seq_len: usize) -> Result<BigramSession> {
        Ok(BigramSession { model: self.clone(), logits: vec![f32::NEG_INFINITY; self.vocab_size()] })
    }

    async fn read<'a>(session: &'a mut BigramSession, ids: &[u32]) -> Result<&'a [f32]> {
        let BigramSession { model, logits } = session;
        check_ids(ids, model.vocab_size())?;
        let last = ids.last().copied().unwrap_or_default();
        logits.fill(f32::NEG_INFINITY);
        let inner = &model.0;
        let successors = &inner.successors[last as usize];
        if successors.is_empty() {
            // Only the text's last token and <unk> may have no successor. Fall back to how often each token
            // occurs.
            for (logit, &count) in logits.iter_mut().zip(&inner.counts) {
                *logit = (count as f64).ln() as f32;
            }
        }
        for &(id, count) in successors {
            logits[id as usize] = (count as f64).ln() as f32;
        }
        Ok(logits)
    }

    fn num_dropped(_session: &BigramSession) -> usize {
        0
    }

    fn vocab_size(&self) -> usize {
        self.0.counts.len()
    }

    fn max_seq_len(&self) -> usize {
        usize::MAX
    }

    fn tokenizer(&self) -> Option<&Tokenizer> {
        Some(&self.0.tokenizer)
    }

    fn ends_text(&self, _id: u32) -> bool {
        false
    }

    fn trace(&self, ids: &[u32], sampling: &Settings, steps: Vec<Step>) -> Result<Trace> {
        let all: Vec<u32> = ids.iter().copied().chain(steps.iter().filter_map(Step::chosen_id)).collect();
        Ok(Trace {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: ModelInfo {
                name: self.0.name.clone(),
                family: "bigram".to_owned(),
                weights_sha256: self.0.text_sha256.clone(),
                precision: "counts".to_owned(),
                left_out: Vec::new(),
            },
            // Counting needs no device.
            adapter: AdapterInfo {
                name: "CPU".to_owned(),
                backend: "cpu".to_owned(),
                driver: String::new(),
                kind: "cpu".to_owned(),
            },
            sampling: sampling.clone(),
            prompt: Prompt {
                text: Some(self.0.tokenizer.decode(ids)),
                tokens: ids.iter().map(|&id| self.token(id)).collect(),
            },
            steps,
            text: Some(self.0.tokenizer.decode(&all)),
        })
    }
}
