//! The distribution of a step, checked, with the part that a figure shows.

use super::Lang;
use super::phrases;
use crate::names;
use crate::trace::{Candidate, Step, visible};
use crate::{Error, Result, Trace};

/// Which probability of a candidate a figure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum ProbKind {
    /// The model's own probability: softmax over the whole vocabulary at temperature 1.
    #[default]
    Model,
    /// The probability after penalties, bias and temperature, still over the whole vocabulary.
    Scaled,
    /// The probability after truncation and renormalisation, from which the token was drawn.
    Final,
}

names!(ProbKind, "stage", "model" => Model, "scaled" => Scaled, "final" => Final);

impl ProbKind {
    pub(super) fn of(self, candidate: &Candidate) -> f64 {
        match self {
            Self::Model => candidate.prob,
            Self::Scaled => candidate.prob_scaled,
            Self::Final => candidate.prob_final,
        }
    }

    /// Says over which tokens the probabilities are.
    pub(super) fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Model => phrases::over_vocabulary(lang),
            Self::Scaled => phrases::over_scaled(lang),
            Self::Final => phrases::over_final(lang),
        }
    }
}

/// The part of a step that a figure shows.
pub(super) struct Distribution<'a> {
    pub(super) shown: Vec<&'a Candidate>,
    pub(super) stage: ProbKind,
    /// The mass of all tokens that the figure does not show.
    pub(super) other: f64,
    pub(super) other_count: usize,
    pub(super) chosen: Option<u32>,
}

/// How far a sum of probabilities may exceed 1 before a trace counts as broken.
const SUM_TOLERANCE: f64 = 1e-3;

impl<'a> Distribution<'a> {
    /// The `count` most probable candidates of a step, and the chosen one if it ranks lower.
    ///
    /// # Errors
    ///
    /// If `count` is 0, if there is no such step, or if its numbers are no probabilities.
    pub(super) fn new(trace: &'a Trace, step_index: usize, count: usize, stage: ProbKind) -> Result<Self> {
        let step = step(trace, step_index)?;
        if count == 0 {
            return Err(Error::input("cannot draw 0 candidates")
                .detail("expected a number of candidates of 1 or more"));
        }
        check(step, step_index)?;
        let chosen = step.chosen.as_ref().map(|chosen| chosen.id);
        let (first, rest) = step.candidates.split_at(count.min(step.candidates.len()));
        let mut shown: Vec<&Candidate> = first.iter().collect();
        shown.extend(rest.iter().filter(|candidate| Some(candidate.id) == chosen));

        let hidden = rest.iter().filter(|candidate| Some(candidate.id) != chosen);
        let other = match stage {
            // A sum of the known masses keeps the digits of a tail far below f64's resolution at 1.
            ProbKind::Model => step.other_prob + hidden.map(|candidate| candidate.prob).sum::<f64>(),
            _ => 1.0 - shown.iter().map(|candidate| stage.of(candidate)).sum::<f64>(),
        };
        // An empty rest may be slightly above 0 from rounding.
        let other = if other < 1e-9 { 0.0 } else { other.min(1.0) };
        Ok(Self { other, other_count: step.vocab_size - shown.len(), shown, stage, chosen })
    }

    pub(super) fn is_chosen(&self, candidate: &Candidate) -> bool {
        self.chosen == Some(candidate.id)
    }
}

/// The step at `index`.
pub(super) fn step(trace: &Trace, index: usize) -> Result<&Step> {
    trace.steps.get(index).ok_or_else(|| {
        Error::input(format!("cannot draw step {} of the trace", index.saturating_add(1)))
            .detail(format!("found {} steps", trace.steps.len()))
    })
}

/// Refuses a step without a distribution, since a trace may come from a file that somebody edited.
fn check(step: &Step, index: usize) -> Result<()> {
    let broken = |found: String, expected: &str| {
        Err(Error::input(format!("step {} of the trace holds no distribution", index + 1))
            .detail(format!("found {found}, expected {expected}")))
    };
    for candidate in &step.candidates {
        for (name, value) in [
            ("prob", candidate.prob),
            ("prob_scaled", candidate.prob_scaled),
            ("prob_final", candidate.prob_final),
        ] {
            if !(0.0..=1.0 + SUM_TOLERANCE).contains(&value) {
                return broken(format!("{name} {value} for id {}", candidate.id), "a number from 0 to 1");
            }
        }
        if !candidate.logit.is_finite() {
            return broken(format!("logit {} for id {}", candidate.logit, candidate.id), "a finite number");
        }
    }
    if !(-1e-6..=1.0 + SUM_TOLERANCE).contains(&step.other_prob) {
        return broken(format!("other_prob {}", step.other_prob), "a number from 0 to 1");
    }
    let sum: f64 = step.candidates.iter().map(|candidate| candidate.prob).sum();
    if sum > 1.0 + SUM_TOLERANCE {
        return broken(format!("candidates with {sum} in all"), "1 at most");
    }
    if step.candidates.is_empty() || step.candidates.len() > step.vocab_size {
        let found = format!("{} candidates of a vocabulary of {}", step.candidates.len(), step.vocab_size);
        return broken(found, "at least one candidate, and no more than the vocabulary");
    }
    Ok(())
}

/// The most characters of a token that figures, their tooltips and their alternative texts quote.
const LONGEST_TOKEN: usize = 120;
/// The most characters of a text that they quote.
const LONGEST_CONTEXT: usize = 1000;

/// The label of a candidate.
pub(super) fn label(candidate: &Candidate) -> String {
    token_label(candidate.id, candidate.text.as_deref(), candidate.bytes.as_deref())
}

/// The label of a token.
pub(super) fn token_label(id: u32, text: Option<&str>, bytes: Option<&[u8]>) -> String {
    let name = visible::token(id, text, bytes);
    match name.char_indices().nth(LONGEST_TOKEN) {
        Some((end, _)) => visible::on_shelves(&format!("{}…", &name[..end])),
        None => visible::on_shelves(&name),
    }
}

/// The text before the predicted position of step `index`, in a readable form. Without a tokenizer, these are the ids.
/// Of a long text, this is the end.
pub(super) fn context(trace: &Trace, index: usize) -> String {
    let chosen =
        trace.steps.iter().take(index).filter_map(|step| step.chosen.as_ref().map(|chosen| (step, chosen)));
    let whole = if let Some(text) = &trace.prompt.text {
        // Tokens may be parts of characters, so the bytes are joined before they are read.
        let mut bytes = text.clone().into_bytes();
        for (step, chosen) in chosen {
            let own = step.candidates.iter().find(|candidate| candidate.id == chosen.id);
            match own.and_then(|candidate| candidate.bytes.as_deref()) {
                Some(own) => bytes.extend_from_slice(own),
                None => bytes.extend_from_slice(chosen.text.as_deref().unwrap_or_default().as_bytes()),
            }
        }
        // The kept characters have no more bytes than this.
        let start = bytes.len().saturating_sub(4 * (LONGEST_CONTEXT + 2));
        let start = (start..bytes.len()).find(|at| bytes[*at] & 0xC0 != 0x80).unwrap_or(start);
        visible::line(&String::from_utf8_lossy(&bytes[start..]))
    } else {
        let prompt = trace.prompt.tokens.iter().map(|token| token.id);
        prompt
            .chain(chosen.map(|(_, chosen)| chosen.id))
            .map(|id| format!("#{id}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    match whole.char_indices().rev().nth(LONGEST_CONTEXT) {
        Some((before, character)) => format!("…{}", &whole[before + character.len_utf8()..]),
        None => whole,
    }
}
