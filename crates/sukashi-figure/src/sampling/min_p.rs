//! Min-p: drops tokens less probable than a fraction of the most probable one.
//!
//! Source: Nguyen et al. 2024, arXiv:2407.01082.

use super::{Candidates, Context, Settings, Stage};
use crate::error::Result;

pub(super) struct MinP(f64);

impl MinP {
    /// `None` where nothing would be cut.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        settings.min_p.filter(|&p| p > 0.0).map(Self)
    }
}

impl Stage for MinP {
    fn name(&self) -> &str {
        "min_p"
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        let softmax = candidates.softmax();
        // The most probable token's weight is 1, so a weight is already the ratio to it.
        candidates.retain(|token| softmax.weight(token.logit) >= self.0);
        Ok(())
    }
}
