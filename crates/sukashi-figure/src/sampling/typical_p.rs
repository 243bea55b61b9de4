//! Typical-p: keeps the tokens whose information is closest to the entropy, until their mass reaches p.
//!
//! Source: Meister et al. 2023, arXiv:2202.00666.

use super::{Candidates, Context, Settings, Stage};
use crate::error::Result;

pub(super) struct TypicalP(f64);

impl TypicalP {
    /// `None` where nothing would be cut.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        settings.typical_p.filter(|&p| p < 1.0).map(Self)
    }
}

impl Stage for TypicalP {
    fn name(&self) -> &str {
        "typical_p"
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        let softmax = candidates.softmax();
        let entropy = softmax.entropy();
        candidates.keep_mass_by_key(self.0, |logit| (softmax.information(logit) - entropy).abs());
        Ok(())
    }
}
