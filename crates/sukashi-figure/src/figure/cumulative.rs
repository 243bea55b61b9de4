//! The running mass of the most probable tokens, by which top-p decides.

use super::distribution::label;
use super::phrases;
use super::words::{self, percent};
use crate::figure::Lang;
use crate::sampling::{Criterion, Settings};
use crate::trace::{Candidate, Step};

/// The running mass at each of a figure's rows, as top-p saw it.
pub(super) struct Cumulative {
    /// The running mass at each row. It is `None` for a token that an earlier stage removed.
    pub(super) values: Vec<Option<f64>>,
    /// The name of the stage, and the mass that it keeps.
    name: &'static str,
    mass: f64,
}

impl Cumulative {
    /// The running mass of `rows`, in the order of truncation. `None` if the settings have no top-p, or if the record
    /// does not tell the masses.
    pub(super) fn new(step: &Step, rows: &[&Candidate], settings: &Settings) -> Option<Self> {
        let (name, mass) = settings.descriptions().find_map(|(name, stage)| match stage.criterion {
            Criterion::Cumulative { mass } => Some((name, mass)),
            _ => None,
        })?;
        let values = Self::recorded(step, rows, name).or_else(|| Self::summed(rows, settings, name))?;
        Some(Self { values, name, mass })
    }

    /// The masses that the sampler recorded.
    fn recorded(step: &Step, rows: &[&Candidate], name: &str) -> Option<Vec<Option<f64>>> {
        let outputs = &step.stages.as_ref()?.outputs;
        let at = outputs.iter().position(|output| output.stage == name)?;
        let before = outputs.get(at.checked_sub(1)?)?;
        let value = |row: &&Candidate| {
            let index = step.candidates.iter().position(|own| own.id == row.id)?;
            Some(before.tokens.get(index)?.as_ref()?.cumulative)
        };
        Some(rows.iter().map(value).collect())
    }

    /// The masses, summed from the rows. This works only if no other stage but the temperature comes before, and if no
    /// token is missing between the rows.
    fn summed(rows: &[&Candidate], settings: &Settings, name: &str) -> Option<Vec<Option<f64>>> {
        if !settings.truncates_first(name) || settings.temperature == 0.0 {
            return None;
        }
        let mut sum = 0.0;
        let values = rows.iter().enumerate().map(|(index, row)| {
            sum += row.prob_scaled;
            // A chosen token of low rank is not next to the others.
            (row.rank == index + 1).then_some(f64::min(sum, 1.0))
        });
        Some(values.collect())
    }

    /// A sentence on the first row whose running mass reaches p. `None` if no row's mass does.
    pub(super) fn words(&self, rows: &[&Candidate], lang: Lang) -> Option<String> {
        let (at, mass) = self
            .values
            .iter()
            .enumerate()
            .find_map(|(index, value)| Some((index, (*value)?)).filter(|(_, mass)| *mass >= self.mass))?;
        let (token, mass, least) =
            (words::quoted(&label(rows.get(at)?), lang), percent(mass), percent(self.mass));
        let name = self.name.replace('_', "-");
        Some(phrases::reached(lang, &name, &token, &mass, &least))
    }

    /// The number beside a row.
    pub(super) fn text(&self, row: usize) -> String {
        self.values.get(row).copied().flatten().map(percent).unwrap_or_default()
    }
}
