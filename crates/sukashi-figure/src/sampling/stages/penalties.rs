//! Repetition, frequency and presence penalties: tokens that are already present become less probable.
//!
//! `repetition_penalty` r divides a positive logit by r and multiplies a negative one (Keskar et al. 2019,
//! arXiv:1909.05858). Then `frequency_penalty` is subtracted for each occurrence, and `presence_penalty` once.

use super::{Settings, StageKind, check};
use crate::error::{Error, Result};
use crate::sampling::{Candidates, Context, Criterion, Description, Label, Stage};

pub(super) const KIND: StageKind = StageKind {
    name: "penalties",
    check: |settings| {
        let (repetition, frequency, presence) = of(settings);
        let finite = f64::is_finite;
        check("repetition_penalty", repetition, |r| finite(r) && r > 0.0, "a finite repetition_penalty > 0")?;
        check("frequency_penalty", frequency, finite, "a finite frequency_penalty")?;
        check("presence_penalty", presence, finite, "a finite presence_penalty")
    },
    words: |settings| {
        let (repetition, frequency, presence) = of(settings);
        let named =
            |ja: &str, en: &str, value: f64| Label::new(format!("{ja} {value}"), format!("{en} {value}"));
        [
            (repetition != 1.0).then(|| named("反復ペナルティ", "repetition penalty", repetition)),
            (frequency != 0.0).then(|| named("頻度ペナルティ", "frequency penalty", frequency)),
            (presence != 0.0).then(|| named("出現ペナルティ", "presence penalty", presence)),
        ]
        .into_iter()
        .flatten()
        .collect()
    },
    make: |settings| {
        let (repetition, frequency, presence) = of(settings);
        let idle = repetition == 1.0 && frequency == 0.0 && presence == 0.0;
        (!idle).then(|| Box::new(Penalties { repetition, frequency, presence, counts: Vec::new() }) as _)
    },
    needs_all: true,
};

fn of(settings: &Settings) -> (f64, f64, f64) {
    (settings.repetition_penalty, settings.frequency_penalty, settings.presence_penalty)
}

pub(super) struct Penalties {
    repetition: f64,
    frequency: f64,
    presence: f64,
    /// The number of occurrences of each id. All are 0 between calls.
    counts: Vec<u32>,
}

impl Stage for Penalties {
    fn name(&self) -> &str {
        "penalties"
    }

    fn describe(&self) -> Description {
        Description::new(Label::new("ペナルティ", "penalties"), Criterion::Logits)
    }

    fn prepare(&mut self, vocab_size: usize) -> bool {
        self.counts = vec![0; vocab_size];
        true
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
