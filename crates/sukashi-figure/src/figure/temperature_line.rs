//! The probabilities at one temperature, and the temperatures that a record has.

use super::fonts::Weight;
use super::words;
use crate::trace::{Candidate, Step};
use crate::{Error, Result};

/// A reader cannot tell more lines apart.
const MAX_LINES: usize = 12;

/// The probabilities at one temperature.
pub(super) struct Line {
    pub(super) temperature: f64,
    /// The probabilities that the figure shows.
    pub(super) probs: Vec<f64>,
    /// The probabilities over the whole vocabulary.
    pub(super) whole: Vec<f64>,
    /// The mass of all tokens that the figure does not show.
    pub(super) other: f64,
    pub(super) entropy_bits: f64,
}

impl Line {
    pub(super) fn new(
        step: &Step,
        temperature: f64,
        candidates: &[&Candidate],
        renormalise: bool,
    ) -> Result<Self> {
        let known = step.temperatures.iter().find(|known| same(known.temperature, temperature));
        let prob = |candidate: &&Candidate| match known {
            Some(known) if !same(temperature, 1.0) => {
                libm::exp(f64::from(candidate.logit) / known.temperature - known.log_sum_exp)
            }
            _ => candidate.prob,
        };
        let whole: Vec<f64> = candidates.iter().map(prob).collect();
        let sum: f64 = whole.iter().sum();
        // The logits are f32, so their exponentials are exact to about 1e-5.
        if !(0.0..=1.001).contains(&sum) {
            return Err(Error::input(format!(
                "the trace holds no distribution for temperature {temperature}"
            ))
            .detail(format!("found candidates with {sum} in all, expected 1 at most")));
        }
        let other = if sum > 1.0 - 1e-9 { 0.0 } else { 1.0 - sum };
        let entropy_bits = known.map_or(step.entropy_bits, |known| known.entropy_bits);
        if renormalise && sum <= 0.0 {
            return Err(Error::input(format!(
                "cannot renormalise over the shown candidates at temperature {temperature}"
            ))
            .detail("found candidates with 0 in all"));
        }
        let probs = whole.iter().map(|prob| if renormalise { prob / sum } else { *prob }).collect();
        Ok(Self { temperature, probs, whole, other, entropy_bits })
    }

    pub(super) fn is_raw(&self) -> bool {
        same(self.temperature, 1.0)
    }

    pub(super) fn name(&self) -> String {
        words::temperature(self.temperature)
    }

    /// The width of the line in pixels.
    pub(super) fn width(&self) -> f64 {
        if self.is_raw() { 3.0 } else { 1.75 }
    }

    pub(super) fn weight(&self) -> Weight {
        if self.is_raw() { Weight::Bold } else { Weight::Regular }
    }

    /// All probabilities in the order of the columns. The last one is the rest, if there is a rest.
    pub(super) fn values(&self, other_count: usize) -> Vec<f64> {
        let rest = (other_count > 0).then_some(self.other);
        self.probs.iter().copied().chain(rest).collect()
    }
}

pub(super) fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// The wanted temperatures in ascending order, each once. The step has all of them.
pub(super) fn temperatures(step: &Step, wanted: &[f64]) -> Result<Vec<f64>> {
    let mut known: Vec<f64> = step.temperatures.iter().map(|known| known.temperature).chain([1.0]).collect();
    known.sort_by(f64::total_cmp);
    known.dedup_by(|a, b| same(*a, *b));
    let mut temperatures = if wanted.is_empty() { known.clone() } else { wanted.to_vec() };
    for temperature in &temperatures {
        let usable = temperature.is_finite() && *temperature > 0.0;
        if !usable || !known.iter().any(|known| same(*known, *temperature)) {
            let known: Vec<String> = known.iter().map(f64::to_string).collect();
            return Err(Error::input(format!("the trace has no temperature {temperature}"))
                .detail(format!("found {}", known.join(", ")))
                .hint("record the trace again with the temperatures that the figure needs"));
        }
    }
    temperatures.sort_by(f64::total_cmp);
    temperatures.dedup_by(|a, b| same(*a, *b));
    if temperatures.len() > MAX_LINES {
        return Err(Error::input(format!("cannot draw {} temperatures", temperatures.len()))
            .detail(format!("expected {MAX_LINES} at most")));
    }
    Ok(temperatures)
}

/// The temperatures of the step between the least and the greatest of `marked`.
pub(super) fn between(step: &Step, marked: &[f64]) -> Vec<f64> {
    let (Some(low), Some(high)) = (marked.first(), marked.last()) else { return Vec::new() };
    let known = step.temperatures.iter().map(|known| known.temperature);
    let is_new = |at: &f64| low < at && at < high && !marked.iter().any(|marked| same(*marked, *at));
    let mut between: Vec<f64> = known.filter(is_new).collect();
    between.sort_by(f64::total_cmp);
    between.dedup_by(|a, b| same(*a, *b));
    between
}
