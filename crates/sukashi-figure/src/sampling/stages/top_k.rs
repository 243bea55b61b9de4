//! Top-k: keeps the k most probable tokens. Of equal ones at the edge, it keeps those with the lower ids.

use super::{StageKind, out_of_range};
use crate::error::Result;
use crate::sampling::{Candidates, Context, Criterion, Description, Label, Stage};

pub(super) const KIND: StageKind = StageKind {
    name: "top_k",
    check: |settings| match settings.top_k {
        Some(0) => Err(out_of_range("top_k", 0, "top_k >= 1")),
        _ => Ok(()),
    },
    words: |settings| settings.top_k.map(words).into_iter().collect(),
    make: |settings| Some(Box::new(TopK(settings.top_k?))),
    needs_all: false,
};

fn words(k: usize) -> Label {
    format!("top-k {k}").into()
}

pub(super) struct TopK(usize);

impl Stage for TopK {
    fn name(&self) -> &str {
        "top_k"
    }

    fn describe(&self) -> Description {
        Description::new(words(self.0), Criterion::Rank)
    }

    fn prepare(&mut self, vocab_size: usize) -> bool {
        self.0 < vocab_size
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> Result<()> {
        if self.0 < candidates.len() {
            candidates.keep_most_probable(self.0);
        }
        Ok(())
    }
}
