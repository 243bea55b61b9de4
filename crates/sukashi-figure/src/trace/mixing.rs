//! The record of attention on a few vectors given by hand.

use super::AdapterInfo;

/// The work of one attention head on a few tokens: `weights = softmax(scores)`, `output = weights V`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixing {
    /// Which adapter computed it.
    pub adapter: AdapterInfo,
    /// The tokens' names.
    pub names: Vec<String>,
    /// Queries, a row for each token.
    pub q: Vec<Vec<f32>>,
    /// Keys, a row for each token.
    pub k: Vec<Vec<f32>>,
    /// Values, a row for each token.
    pub v: Vec<Vec<f32>>,
    /// `Q Kᵀ / √d`, a row for each query. Those that a causal mask hides are there, too.
    pub scores: Vec<Vec<f32>>,
    /// Rows that sum to 1; 0 where a causal mask hides a token.
    pub weights: Vec<Vec<f32>>,
    /// Rows of V, mixed.
    pub output: Vec<Vec<f32>>,
    /// Whether a token sees only itself and the tokens before it.
    pub causal: bool,
}
