//! Temperature: divides the logits, so that below 1 the distribution sharpens and above 1 it flattens.

use super::{Candidates, Context, Settings, Stage};
use crate::error::Result;

pub(super) struct Temperature(f64);

impl Temperature {
    /// `None` at temperature 1.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        (settings.temperature != 1.0).then_some(Self(settings.temperature))
    }

    /// Whether `candidates`, the greatest of the logits, are still the greatest afterwards, ids deciding between equals.
    pub(super) fn keeps_order(&self, candidates: &Candidates) -> bool {
        self.0 == 0.0 || candidates.stay_apart(self.0)
    }
}

impl Stage for Temperature {
    fn name(&self) -> &str {
        "temperature"
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        if self.0 == 0.0 {
            // The limit; of equal logits the lower id's remains.
            candidates.keep_most_probable(1);
        } else {
            candidates.divide_logits(self.0);
        }
        Ok(())
    }
}
