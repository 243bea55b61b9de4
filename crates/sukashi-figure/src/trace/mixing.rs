//! The record of attention on a few vectors given by hand.

use super::AdapterInfo;

/// The numbers of one attention head on a few tokens: `weights = softmax(scores)`, `output = weights V`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixing {
    /// The adapter that computed the numbers.
    pub adapter: AdapterInfo,
    /// The names of the tokens.
    pub names: Vec<String>,
    /// The queries, a row for each token.
    pub q: Vec<Vec<f32>>,
    /// The keys, a row for each token.
    pub k: Vec<Vec<f32>>,
    /// The values, a row for each token.
    pub v: Vec<Vec<f32>>,
    /// `Q Kᵀ / √d`, a row for each query. The scores that a causal mask hides are there, too.
    pub scores: Vec<Vec<f32>>,
    /// The weights, in rows that sum to 1. A weight is 0 if a causal mask hides the token.
    pub weights: Vec<Vec<f32>>,
    /// The mixed rows of V.
    pub output: Vec<Vec<f32>>,
    /// Whether a token attends only to itself and to the tokens before it.
    pub causal: bool,
}
