//! The sampler's settings, as flags set them and as a trace records them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

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

impl Settings {
    /// Checks every value that does not depend on the model.
    ///
    /// ```
    /// use sukashi_figure::sampling::Settings;
    ///
    /// let error = Settings { top_p: Some(1.5), ..Settings::default() }.validate().unwrap_err();
    /// assert_eq!(error.to_string(), "cannot sample with top_p = 1.5\n  expected 0 < top_p <= 1");
    /// ```
    ///
    /// # Errors
    ///
    /// Input: the field, its value and its limit.
    pub fn validate(&self) -> Result<()> {
        let finite = f64::is_finite;
        check("temperature", self.temperature, |t| finite(t) && t >= 0.0, "a finite temperature >= 0")?;
        if self.top_k == Some(0) {
            return Err(out_of_range("top_k", 0, "top_k >= 1"));
        }
        if let Some(top_p) = self.top_p {
            check("top_p", top_p, |p| p > 0.0 && p <= 1.0, "0 < top_p <= 1")?;
        }
        if let Some(min_p) = self.min_p {
            check("min_p", min_p, |p| (0.0..=1.0).contains(&p), "0 <= min_p <= 1")?;
        }
        if let Some(typical_p) = self.typical_p {
            check("typical_p", typical_p, |p| p > 0.0 && p <= 1.0, "0 < typical_p <= 1")?;
        }
        let repetition = self.repetition_penalty;
        check("repetition_penalty", repetition, |r| finite(r) && r > 0.0, "a finite repetition_penalty > 0")?;
        check("frequency_penalty", self.frequency_penalty, finite, "a finite frequency_penalty")?;
        check("presence_penalty", self.presence_penalty, finite, "a finite presence_penalty")?;
        for (id, &bias) in &self.logit_bias {
            check(&format!("logit_bias[{id}]"), bias, finite, "a finite bias; -1e9 bans a token")?;
        }
        if self.choice == Choice::Pick(0) {
            return Err(out_of_range("pick", 0, "pick >= 1, 1 being the most probable token"));
        }
        Ok(())
    }
}

fn check(field: &str, value: f64, accept: impl Fn(f64) -> bool, limit: &str) -> Result<()> {
    if accept(value) { Ok(()) } else { Err(out_of_range(field, value, limit)) }
}

fn out_of_range(field: &str, value: impl std::fmt::Display, limit: &str) -> Error {
    Error::input(format!("cannot sample with {field} = {value}")).detail(format!("expected {limit}"))
}
