//! Temperature: divides the logits, so that below 1 the distribution sharpens and above 1 it flattens.

use super::{Settings, StageKind, check};
use crate::error::Result;
use crate::sampling::{Candidates, Context, Criterion, Description, Label, Stage};

pub(super) const KIND: StageKind = StageKind {
    name: "temperature",
    check: |settings| {
        check("temperature", settings.temperature, |t| t.is_finite() && t >= 0.0, "a finite temperature >= 0")
    },
    words: |settings| vec![words(settings.temperature)],
    make: |settings| Some(Box::new(Temperature::new(settings)?)),
    needs_all: false,
};

fn words(temperature: f64) -> Label {
    format!("T = {temperature}").into()
}

pub(in crate::sampling) struct Temperature(f64);

impl Temperature {
    /// The temperature. `None` stands for temperature 1.
    pub(in crate::sampling) fn new(settings: &Settings) -> Option<Self> {
        (settings.temperature != 1.0).then_some(Self(settings.temperature))
    }

    /// Whether `candidates`, the greatest of the logits, are still the greatest after the division. Ids decide between
    /// equals.
    pub(in crate::sampling) fn keeps_order(&self, candidates: &Candidates) -> bool {
        self.0 == 0.0 || candidates.stay_apart(self.0)
    }
}

impl Stage for Temperature {
    fn name(&self) -> &str {
        "temperature"
    }

    fn describe(&self) -> Description {
        let note = match self.0 {
            0.0 => Label::new("最大のものだけ", "the greatest"),
            t => format!("(z − max) / {t}").into(),
        };
        Description { note: Some(note), ..Description::new(words(self.0), Criterion::Logits) }
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        if self.0 == 0.0 {
            // This is the limit. Of equal logits, that of the lower id remains.
            candidates.keep_most_probable(1);
        } else {
            candidates.divide_logits(self.0);
        }
        Ok(())
    }
}
