//! Typical-p: keeps the tokens whose information is closest to the entropy, until their mass reaches p.
//!
//! Source: Meister et al. 2023, arXiv:2202.00666.

use super::{StageKind, check};
use crate::error::Result;
use crate::sampling::{Candidates, Context, Criterion, Description, Label, Stage};

pub(super) const KIND: StageKind = StageKind {
    name: "typical_p",
    check: |settings| match settings.typical_p {
        Some(p) => check("typical_p", p, |p| p > 0.0 && p <= 1.0, "0 < typical_p <= 1"),
        None => Ok(()),
    },
    words: |settings| settings.typical_p.map(words).into_iter().collect(),
    make: |settings| Some(Box::new(TypicalP(settings.typical_p.filter(|&p| p < 1.0)?))),
    needs_all: true,
};

fn words(p: f64) -> Label {
    format!("typical-p {p}").into()
}

pub(super) struct TypicalP(f64);

impl Stage for TypicalP {
    fn name(&self) -> &str {
        "typical_p"
    }

    fn describe(&self) -> Description {
        Description::new(words(self.0), Criterion::Other)
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        let softmax = candidates.softmax();
        let entropy = softmax.entropy();
        candidates.keep_mass_by_key(self.0, |logit| (softmax.information(logit) - entropy).abs());
        Ok(())
    }
}
