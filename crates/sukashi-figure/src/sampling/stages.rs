//! The built-in stages in their order, and the settings that they read.
//!
//! A new stage has a file with its [`StageKind`]. Here, it has a `mod` line, its setting, and its place among the
//! others.

mod logit_bias;
mod min_p;
mod penalties;
mod temperature;
mod top_k;
mod top_p;
mod typical_p;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Choice, Description, Label, Stage};
use crate::error::{Error, Result};

pub(super) use temperature::Temperature;

/// These run first, and before a caller's own stages.
pub(super) const ADJUSTING: [&StageKind; 2] = [&penalties::KIND, &logit_bias::KIND];

/// These run last, after a caller's own stages and the temperature.
pub(super) const TRUNCATING: [&StageKind; 4] = [&top_k::KIND, &top_p::KIND, &min_p::KIND, &typical_p::KIND];

/// All kinds, in the order in which errors and captions name their settings.
fn all() -> impl Iterator<Item = &'static StageKind> {
    [&temperature::KIND].into_iter().chain(TRUNCATING).chain(ADJUSTING)
}

/// A built-in stage with everything that the rest of the crate uses of it.
pub(super) struct StageKind {
    /// The name of the setting or settings.
    pub(super) name: &'static str,
    /// Checks the setting.
    pub(super) check: fn(&Settings) -> Result<()>,
    /// The words of a caption for the setting. They are empty if no setting is given.
    pub(super) words: fn(&Settings) -> Vec<Label>,
    /// Makes the stage. `None` if the setting changes nothing.
    pub(super) make: fn(&Settings) -> Option<Box<dyn Stage>>,
    /// Whether the stage depends on more than the most probable tokens, or may remove the most probable one.
    pub(super) needs_all: bool,
}

impl StageKind {
    pub(super) fn is_set(&self, settings: &Settings) -> bool {
        !(self.words)(settings).is_empty()
    }
}

/// The sampler's settings. The default samples from the model's own distribution with seed 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The way in which a token is chosen from the distribution that the stages leave.
    pub choice: Choice,
    /// Divides the logits. 0 leaves only the most probable token.
    pub temperature: f64,
    /// Keeps this many of the most probable tokens.
    pub top_k: Option<usize>,
    /// Keeps the smallest set of most probable tokens whose mass reaches this.
    pub top_p: Option<f64>,
    /// Drops tokens less probable than this fraction of the most probable one.
    pub min_p: Option<f64>,
    /// Keeps the tokens whose information is closest to the entropy, up to this mass.
    pub typical_p: Option<f64>,
    /// Divides the logits of tokens that are already present, or multiplies negative ones. 1 changes nothing.
    pub repetition_penalty: f64,
    /// Is subtracted from a logit for each time that its token is present.
    pub frequency_penalty: f64,
    /// Is subtracted from the logit of each token that is present.
    pub presence_penalty: f64,
    /// Numbers that are added to the logits of these ids.
    pub logit_bias: BTreeMap<u32, f64>,
    /// The names of a caller's own stages, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_stages: Vec<String>,
    /// The seed of the generator.
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
    /// Input, with the field, its value and its limit.
    pub fn validate(&self) -> Result<()> {
        for kind in all() {
            (kind.check)(self)?;
        }
        if self.choice == Choice::Pick(0) {
            return Err(out_of_range("pick", 0, "pick >= 1, 1 being the most probable token"));
        }
        Ok(())
    }

    /// Returns the words for every given setting of a stage, and always for the temperature.
    pub(crate) fn words(&self) -> impl Iterator<Item = Label> {
        all().flat_map(|kind| (kind.words)(self))
    }

    /// The words for the given settings of truncations.
    pub(crate) fn truncation_words(&self) -> impl Iterator<Item = Label> {
        TRUNCATING.iter().flat_map(|kind| (kind.words)(self))
    }

    /// The names of all settings that truncate.
    pub(crate) fn truncation_names() -> impl Iterator<Item = &'static str> {
        TRUNCATING.iter().map(|kind| kind.name)
    }

    /// Whether only the temperature changes the distribution before the truncation `name`.
    pub(crate) fn truncates_first(&self, name: &str) -> bool {
        let mut before =
            ADJUSTING.into_iter().chain(TRUNCATING.into_iter().take_while(|kind| kind.name != name));
        self.custom_stages.is_empty() && !before.any(|kind| kind.is_set(self))
    }

    /// The names and descriptions of the built-in stages that these settings make.
    pub(crate) fn descriptions(&self) -> impl Iterator<Item = (&'static str, Description)> {
        all().filter_map(|kind| Some((kind.name, (kind.make)(self)?.describe())))
    }
}

fn check(field: &str, value: f64, accept: impl Fn(f64) -> bool, limit: &str) -> Result<()> {
    if accept(value) { Ok(()) } else { Err(out_of_range(field, value, limit)) }
}

fn out_of_range(field: &str, value: impl std::fmt::Display, limit: &str) -> Error {
    Error::input(format!("cannot sample with {field} = {value}")).detail(format!("expected {limit}"))
}
