//! What top-p goes by: the running mass of the most probable tokens.

use super::distribution::label;
use super::words::{self, percent};
use crate::figure::Lang;
use crate::sampling::Settings;
use crate::trace::{Candidate, Step};

/// The running mass at each of a figure's rows, as top-p saw it.
pub(super) struct Cumulative {
    /// `None` for what an earlier stage removed.
    pub(super) values: Vec<Option<f64>>,
    top_p: f64,
}

impl Cumulative {
    /// Of `rows` in the order that truncation goes by; `None` without top-p, or where the record does not tell.
    pub(super) fn new(step: &Step, rows: &[&Candidate], settings: &Settings) -> Option<Self> {
        let top_p = settings.top_p.filter(|p| *p < 1.0)?;
        let values = Self::recorded(step, rows).or_else(|| Self::summed(rows, settings))?;
        Some(Self { values, top_p })
    }

    /// As the sampler had it.
    fn recorded(step: &Step, rows: &[&Candidate]) -> Option<Vec<Option<f64>>> {
        let outputs = &step.stages.as_ref()?.outputs;
        let at = outputs.iter().position(|output| output.stage == "top_p")?;
        let before = outputs.get(at.checked_sub(1)?)?;
        let value = |row: &&Candidate| {
            let index = step.candidates.iter().position(|own| own.id == row.id)?;
            Some(before.tokens.get(index)?.as_ref()?.cumulative)
        };
        Some(rows.iter().map(value).collect())
    }

    /// Where top-p is the first to change anything but the temperature, and no token between the rows is missing.
    fn summed(rows: &[&Candidate], settings: &Settings) -> Option<Vec<Option<f64>>> {
        let Settings { temperature, top_p, choice, seed, .. } = *settings;
        let (min_p, typical_p) = (settings.min_p, settings.typical_p);
        let plain = Settings { temperature, top_p, min_p, typical_p, choice, seed, ..Settings::default() };
        if *settings != plain || temperature == 0.0 {
            return None;
        }
        let mut sum = 0.0;
        let values = rows.iter().enumerate().map(|(index, row)| {
            sum += row.prob_scaled;
            // A chosen token of low rank stands alone.
            (row.rank == index + 1).then_some(f64::min(sum, 1.0))
        });
        Some(values.collect())
    }

    /// Where it reaches p; `None` where none of the rows does.
    pub(super) fn words(&self, rows: &[&Candidate], lang: Lang) -> Option<String> {
        let (at, mass) =
            self.values.iter().enumerate().find_map(|(index, value)| {
                Some((index, (*value)?)).filter(|(_, mass)| *mass >= self.top_p)
            })?;
        let (name, mass, top_p) =
            (words::quoted(&label(rows.get(at)?), lang), percent(mass), percent(self.top_p));
        Some(match lang {
            Lang::Ja => format!("top-p: 累積確率は{name}までで {mass} ≧ {top_p}"),
            Lang::En => format!("top-p: cumulative up to {name} {mass} ≧ {top_p}"),
        })
    }

    /// The number beside a row.
    pub(super) fn text(&self, row: usize) -> String {
        self.values.get(row).copied().flatten().map(percent).unwrap_or_default()
    }
}
