//! Repetition, frequency and presence penalties: tokens already present become less probable.
//!
//! `repetition_penalty` r divides a positive logit by r and multiplies a negative one (Keskar et al. 2019,
//! arXiv:1909.05858). Then `frequency_penalty` is subtracted for each occurrence, and `presence_penalty` once.

use super::{Candidates, Context, Settings, Stage};
use crate::error::{Error, Result};

pub(super) struct Penalties {
    repetition: f64,
    frequency: f64,
    presence: f64,
    /// Occurrences by id; all 0 between calls.
    counts: Vec<u32>,
}

impl Penalties {
    /// `None` where no penalty is set.
    pub(super) fn new(settings: &Settings, vocab_size: usize) -> Option<Self> {
        let (repetition, frequency, presence) =
            (settings.repetition_penalty, settings.frequency_penalty, settings.presence_penalty);
        let idle = repetition == 1.0 && frequency == 0.0 && presence == 0.0;
        (!idle).then(|| Self { repetition, frequency, presence, counts: vec![0; vocab_size] })
    }
}

impl Stage for Penalties {
    fn name(&self) -> &str {
        "penalties"
    }

    fn apply(&mut self, candidates: &mut Candidates, context: &Context<'_>) -> Result<()> {
        if let Some(&id) = context.previous.iter().find(|&&id| id as usize >= context.vocab_size) {
            return Err(Error::input(format!("cannot apply penalties: previous token {id} does not exist"))
                .detail(format!("the vocabulary has {} tokens", context.vocab_size)));
        }
        for &id in context.previous {
            self.counts[id as usize] = self.counts[id as usize].saturating_add(1);
        }
        for &id in context.previous {
            let count = std::mem::take(&mut self.counts[id as usize]);
            if count == 0 {
                continue;
            }
            if let Some(token) = candidates.get(id) {
                let mut logit = token.logit;
                logit = if logit < 0.0 { logit * self.repetition } else { logit / self.repetition };
                logit -= f64::from(count) * self.frequency + self.presence;
                candidates.set_logit(id, logit);
            }
        }
        Ok(())
    }
}
