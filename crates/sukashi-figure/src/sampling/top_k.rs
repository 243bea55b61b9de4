//! Top-k: keeps the k most probable tokens; of equal ones at the edge, those with the lower ids.

use super::{Candidates, Context, Settings, Stage};
use crate::error::Result;

pub(super) struct TopK(usize);

impl TopK {
    /// `None` where nothing would be cut.
    pub(super) fn new(settings: &Settings, vocab_size: usize) -> Option<Self> {
        settings.top_k.filter(|&k| k < vocab_size).map(Self)
    }
}

impl Stage for TopK {
    fn name(&self) -> &str {
        "top_k"
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        if self.0 < candidates.len() {
            candidates.keep_most_probable(self.0);
        }
        Ok(())
    }
}
