//! Logit bias: adds to the logits of given ids.

use super::{StageKind, check};
use crate::error::Result;
use crate::sampling::{Candidates, Context, Criterion, Description, Label, Stage};

pub(super) const KIND: StageKind = StageKind {
    name: "logit_bias",
    check: |settings| {
        settings.logit_bias.iter().try_for_each(|(id, &bias)| {
            check(&format!("logit_bias[{id}]"), bias, f64::is_finite, "a finite bias; -1e9 bans a token")
        })
    },
    words: |settings| match settings.logit_bias.len() {
        0 => Vec::new(),
        count => vec![format!("logit bias × {count}").into()],
    },
    make: |settings| {
        let bias: Vec<_> = settings.logit_bias.iter().map(|(&id, &bias)| (id, bias)).collect();
        (!bias.is_empty()).then(|| Box::new(LogitBias { bias }) as _)
    },
    needs_all: true,
};

pub(super) struct LogitBias {
    bias: Vec<(u32, f64)>,
}

impl Stage for LogitBias {
    fn name(&self) -> &str {
        "logit_bias"
    }

    fn describe(&self) -> Description {
        Description::new(Label::new("バイアス", "bias"), Criterion::Logits)
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
