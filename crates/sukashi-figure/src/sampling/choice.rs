//! Takes a token from those that the stages left.

use serde::{Deserialize, Serialize};

use super::{Candidates, Generator};

/// How a token is chosen from the distribution that the stages leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Draw from it.
    #[default]
    Sample,
    /// Take the most probable token.
    Greedy,
    /// Take the n-th most probable token, 1 being the first.
    Pick(usize),
}

impl Choice {
    /// The id of the token taken, and the number that was drawn for it.
    pub(super) fn take(self, candidates: &mut Candidates, generator: &mut Generator) -> (u32, Option<f64>) {
        match self {
            Self::Sample => {
                let draw = generator.uniform();
                (candidates.at(draw), Some(draw))
            }
            Self::Greedy => (candidates.pick(1), None),
            Self::Pick(n) => (candidates.pick(n), None),
        }
    }
}
