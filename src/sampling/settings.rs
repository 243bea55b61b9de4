//! The sampler's settings, as flags set them and as a trace records them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is done with the distribution that the stages leave.
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

/// The sampler's settings. The default samples from the model's own distribution with seed 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What is done with the distribution that the stages leave.
    pub choice: Choice,
    /// Divides the logits; 0 means the most probable token alone.
    pub temperature: f64,
    /// Keeps this many of the most probable tokens.
    pub top_k: Option<usize>,
    /// Keeps the smallest set of most probable tokens whose mass reaches this.
    pub top_p: Option<f64>,
    /// Drops tokens less probable than this fraction of the most probable one.
    pub min_p: Option<f64>,
    /// Keeps the tokens whose information is closest to the entropy, up to this mass.
    pub typical_p: Option<f64>,
    /// Divides (or multiplies, if negative) the logits of tokens already present; 1 changes nothing.
    pub repetition_penalty: f64,
    /// Subtracted from a logit for each time that its token is present.
    pub frequency_penalty: f64,
    /// Subtracted from the logit of each token that is present.
    pub presence_penalty: f64,
    /// Added to the logits of these ids.
    pub logit_bias: BTreeMap<u32, f64>,
    /// Names of a caller's own stages, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_stages: Vec<String>,
    /// Seed of the generator.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            choice: Choice::Sample,
            temperature: 1.0,
            top_k: None,
            top_p: None,
            min_p: None,
            typical_p: None,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: BTreeMap::new(),
            custom_stages: Vec::new(),
            seed: 0,
        }
    }
}
