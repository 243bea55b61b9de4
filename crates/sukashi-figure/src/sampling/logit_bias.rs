//! Logit bias: adds to the logits of given ids.

use super::{Candidates, Context, Settings, Stage};
use crate::error::Result;

pub(super) struct LogitBias {
    bias: Vec<(u32, f64)>,
}

impl LogitBias {
    /// `None` where no bias is set.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let bias: Vec<_> = settings.logit_bias.iter().map(|(&id, &bias)| (id, bias)).collect();
        (!bias.is_empty()).then_some(Self { bias })
    }
}

impl Stage for LogitBias {
    fn name(&self) -> &str {
        "logit_bias"
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        for &(id, bias) in &self.bias {
            if let Some(token) = candidates.get(id) {
                candidates.set_logit(id, token.logit + bias);
            }
        }
        Ok(())
    }
}
