//! Top-p: keeps the smallest set of most probable tokens whose mass reaches p.
//!
//! Source: Holtzman et al. 2020, arXiv:1904.09751.

use super::{StageKind, check};
use crate::error::Result;
use crate::sampling::{Candidates, Context, Criterion, Description, Label, Stage};

pub(super) const KIND: StageKind = StageKind {
    name: "top_p",
    check: |settings| match settings.top_p {
        Some(p) => check("top_p", p, |p| p > 0.0 && p <= 1.0, "0 < top_p <= 1"),
        None => Ok(()),
    },
    words: |settings| settings.top_p.map(words).into_iter().collect(),
    make: |settings| Some(Box::new(TopP(settings.top_p.filter(|&p| p < 1.0)?))),
    needs_all: false,
};

fn words(p: f64) -> Label {
    format!("top-p {p}").into()
}

pub(super) struct TopP(f64);

impl Stage for TopP {
    fn name(&self) -> &str {
        "top_p"
    }

    fn describe(&self) -> Description {
        Description::new(words(self.0), Criterion::Cumulative { mass: self.0 })
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        candidates.keep_mass_by_logit(self.0);
        Ok(())
    }
}
