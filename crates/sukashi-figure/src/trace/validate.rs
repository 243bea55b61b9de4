//! Checks a trace, which any program may have written.

use super::{Candidate, SCHEMA, Step, Trace};
use crate::error::{Error, Result};

/// How far the listed and the remaining mass together may be from 1. A writer may round to a few digits.
pub(super) const MASS_TOLERANCE: f64 = 1e-3;

/// How far above 1 a probability may be by rounding.
const PROB_TOLERANCE: f64 = 1e-9;

impl Trace {
    /// Checks that every number is finite and in its range, and that each step agrees with itself.
    ///
    /// Readers and writers of the record call this, so that a figure can rely on the numbers.
    ///
    /// # Errors
    ///
    /// Input: the schema is another one, or a field is wrong. The error has the field, its step, the found value and
    /// the expected one.
    pub fn validate(&self) -> Result<()> {
        check_schema(&self.schema)?;
        self.sampling.validate()?;
        for (index, step) in self.steps.iter().enumerate() {
            step.validate().map_err(|problem| problem.into_error(&format!("steps[{index}]")))?;
        }
        Ok(())
    }
}

pub(super) fn check_schema(schema: &str) -> Result<()> {
    if schema == SCHEMA {
        return Ok(());
    }
    Err(Error::input(format!("cannot read a trace of schema {schema:?}"))
        .detail(format!("this version reads {SCHEMA:?}"))
        .hint("read it with the version of sukashi that wrote it, or make it anew"))
}

/// A wrong field: its path within its step, its value, and the expected value.
pub(super) struct Problem {
    field: String,
    found: String,
    expected: String,
}

impl Problem {
    pub(super) fn new(field: impl Into<String>, found: impl ToString, expected: impl Into<String>) -> Self {
        Self { field: field.into(), found: found.to_string(), expected: expected.into() }
    }

    pub(super) fn within(self, place: &str) -> Self {
        Self { field: format!("{place}.{}", self.field), ..self }
    }

    fn into_error(self, place: &str) -> Error {
        self.within(place).error("trace")
    }

    /// The error for a record of this name.
    pub(super) fn error(self, record: &str) -> Error {
        Error::input(format!("cannot use the {record}: {} is {}", self.field, self.found))
            .detail(format!("expected {}", self.expected))
    }
}

pub(super) type Check = Result<(), Problem>;

impl Step {
    fn validate(&self) -> Check {
        prob("other_prob", self.other_prob)?;
        entropy("entropy_bits", self.entropy_bits)?;
        let mut listed = self.other_prob;
        let mut rank_before = 0;
        let mut ids = std::collections::HashSet::with_capacity(self.candidates.len());
        for (index, candidate) in self.candidates.iter().enumerate() {
            let place = format!("candidates[{index}]");
            candidate.validate(self.vocab_size).map_err(|problem| problem.within(&place))?;
            if candidate.rank <= rank_before {
                let expected = format!("a rank above the one before it, {rank_before}");
                return Err(Problem::new("rank", candidate.rank, expected).within(&place));
            }
            if !ids.insert(candidate.id) {
                return Err(Problem::new("id", candidate.id, "an id listed once").within(&place));
            }
            rank_before = candidate.rank;
            listed += candidate.prob;
        }
        if (listed - 1.0).abs() > MASS_TOLERANCE {
            return Err(Problem::new(
                "other_prob",
                self.other_prob,
                format!("1 together with the candidates' prob, which make it {listed}"),
            ));
        }
        for (index, at) in self.temperatures.iter().enumerate() {
            let place = format!("temperatures[{index}]");
            let check = || {
                require("temperature", at.temperature, at.temperature > 0.0, "a finite number > 0")?;
                require("log_sum_exp", at.log_sum_exp, true, "a finite number")?;
                entropy("entropy_bits", at.entropy_bits)
            };
            check().map_err(|problem: Problem| problem.within(&place))?;
        }
        if let Some(stages) = &self.stages {
            stages.validate(self).map_err(|problem| problem.within("stages"))?;
        }
        if let Some(chosen) = &self.chosen {
            let check = || {
                prob("prob", chosen.prob)?;
                prob("prob_scaled", chosen.prob_scaled)?;
                prob("prob_final", chosen.prob_final)?;
                if ids.contains(&chosen.id) {
                    return Ok(());
                }
                Err(Problem::new("id", chosen.id, "the id of one of the candidates"))
            };
            check().map_err(|problem: Problem| problem.within("chosen"))?;
        }
        Ok(())
    }
}

impl Candidate {
    fn validate(&self, vocab_size: usize) -> Check {
        prob("prob", self.prob)?;
        prob("prob_scaled", self.prob_scaled)?;
        prob("prob_final", self.prob_final)?;
        require("logit", f64::from(self.logit), true, "a finite number")?;
        if self.id as usize >= vocab_size {
            return Err(Problem::new("id", self.id, format!("an id below vocab_size, {vocab_size}")));
        }
        if self.rank > vocab_size {
            return Err(Problem::new(
                "rank",
                self.rank,
                format!("a rank of at most vocab_size, {vocab_size}"),
            ));
        }
        Ok(())
    }
}

pub(super) fn require(field: &str, value: f64, holds: bool, expected: &str) -> Check {
    if value.is_finite() && holds { Ok(()) } else { Err(Problem::new(field, value, expected)) }
}

pub(super) fn prob(field: &str, value: f64) -> Check {
    require(field, value, (0.0..=1.0 + PROB_TOLERANCE).contains(&value), "a probability in 0..=1")
}

pub(super) fn entropy(field: &str, value: f64) -> Check {
    require(field, value, value >= 0.0, "a finite number of bits >= 0")
}
