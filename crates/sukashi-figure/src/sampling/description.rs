//! The description that a stage gives of itself.

use serde::{Deserialize, Serialize};

/// The words of records and figures for a stage.
///
/// ```
/// use sukashi_figure::sampling::{Criterion, Description};
///
/// let description = Description::new("top-a 0.2", Criterion::Prob { ratio: 0.2 });
/// assert!(description.criterion.truncates());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The stage with its setting, such as `top-k 5`.
    pub setting: Label,
    /// How the stage decides.
    pub criterion: Criterion,
    /// The meaning of the numbers after the stage, such as `(z − max) / 0.8`. `None` leaves it to the criterion.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<Label>,
}

/// The rule by which a stage changes or removes tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// The stage changes logits.
    Logits,
    /// The stage cuts by a token's rank.
    Rank,
    /// The stage cuts by the mass of a token and of all more probable tokens.
    Cumulative {
        /// The mass to reach, in `0..=1`.
        mass: f64,
    },
    /// The stage cuts by a token's probability, which must reach `ratio` times the greatest probability.
    Prob {
        /// The ratio, in `0..=1`.
        ratio: f64,
    },
    /// The stage cuts by something that a record does not hold.
    Other,
}

/// A few words in both languages of the figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The words in Japanese.
    pub ja: String,
    /// The words in English.
    pub en: String,
}

impl Description {
    /// Makes a description without a note. `setting` is a text for both languages, or a [`Label`].
    pub fn new(setting: impl Into<Label>, criterion: Criterion) -> Self {
        Self { setting: setting.into(), criterion, note: None }
    }
}

impl Criterion {
    /// Returns whether the stage removes tokens by their place in the distribution. All but [`Self::Logits`] do.
    pub fn truncates(self) -> bool {
        self != Self::Logits
    }
}

impl Label {
    /// The words of a label.
    pub fn new(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ja: ja.into(), en: en.into() }
    }
}

impl<T: Into<String>> From<T> for Label {
    fn from(text: T) -> Self {
        let text = text.into();
        Self { ja: text.clone(), en: text }
    }
}
