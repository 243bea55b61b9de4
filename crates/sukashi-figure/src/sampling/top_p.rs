//! Top-p: keeps the smallest set of most probable tokens whose mass reaches p.
//!
//! Source: Holtzman et al. 2020, arXiv:1904.09751.

use super::{Candidates, Context, Settings, Stage};
use crate::error::Result;

pub(super) struct TopP(f64);

impl TopP {
    /// `None` where nothing would be cut.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        settings.top_p.filter(|&p| p < 1.0).map(Self)
    }
}

impl Stage for TopP {
    fn name(&self) -> &str {
        "top_p"
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        candidates.keep_mass_by_logit(self.0);
        Ok(())
    }
}
