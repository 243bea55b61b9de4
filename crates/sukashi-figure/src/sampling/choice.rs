//! Takes one of the tokens that the stages left.

use serde::{Deserialize, Serialize};

use super::{Candidates, Generator};

/// How a token is chosen from the distribution that the stages leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// A random token of the distribution is taken.
    #[default]
    Sample,
    /// The most probable token is taken.
    Greedy,
    /// The n-th most probable token is taken, counted from 1.
    Pick(usize),
}

impl Choice {
    /// The id of the chosen token, and the number that was drawn for it.
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
