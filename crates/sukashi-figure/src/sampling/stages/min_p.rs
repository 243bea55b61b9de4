//! Min-p: drops tokens less probable than a fraction of the most probable one.
//!
//! Source: Nguyen et al. 2024, arXiv:2407.01082.

use super::{StageKind, check};
use crate::error::Result;
use crate::sampling::{Candidates, Context, Criterion, Description, Label, Stage};

pub(super) const KIND: StageKind = StageKind {
    name: "min_p",
    check: |settings| match settings.min_p {
        Some(p) => check("min_p", p, |p| (0.0..=1.0).contains(&p), "0 <= min_p <= 1"),
        None => Ok(()),
    },
    words: |settings| settings.min_p.map(words).into_iter().collect(),
    make: |settings| Some(Box::new(MinP(settings.min_p.filter(|&p| p > 0.0)?))),
    needs_all: false,
};

fn words(p: f64) -> Label {
    format!("min-p {p}").into()
}

pub(super) struct MinP(f64);

impl Stage for MinP {
    fn name(&self) -> &str {
        "min_p"
    }

    fn describe(&self) -> Description {
        Description::new(words(self.0), Criterion::Prob { ratio: self.0 })
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        let softmax = candidates.softmax();
        // The most probable token's weight is 1, so a weight is already the ratio to it.
        candidates.retain(|token| softmax.weight(token.logit) >= self.0);
        Ok(())
    }
}
