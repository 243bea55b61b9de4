//! Makes a [`Step`] from logits. The numbers are the sampler's own, and none is computed twice.

use super::stages::Seen;
use super::{Candidate, Chosen, Stages, Step, Temperature, Token};
use crate::error::{Error, Result};
use crate::sampling::{Candidates, Distribution, Sampler, Stage};

/// Records the distribution over the next token as a [`Step`].
///
/// ```
/// use sukashi_figure::sampling::{Sampler, Settings};
/// use sukashi_figure::trace::{StepRecorder, Token};
///
/// let words = ["cat", "dog", "fish"];
/// let token = |id: u32| Token {
///     id,
///     text: Some(words[id as usize].to_owned()),
///     bytes: Some(words[id as usize].as_bytes().to_vec()),
/// };
/// let mut sampler = Sampler::new(Settings { temperature: 0.0, ..Settings::default() }, 3)?;
/// let step = StepRecorder::new(2).sample(&mut sampler, &[3.0, 1.5, 0.5], &[1, 2], token)?;
/// assert_eq!(step.position, 2);
/// assert_eq!(step.candidates.len(), 2);
/// assert!((step.other_prob - 0.0629).abs() < 1e-4);
/// assert_eq!(step.chosen.unwrap().text.as_deref(), Some("cat"));
/// # Ok::<(), sukashi_figure::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StepRecorder {
    top: usize,
    temperatures: Vec<f64>,
    stages: bool,
}

impl StepRecorder {
    /// The temperatures that a new recorder keeps.
    pub const TEMPERATURES: [f64; 4] = [0.5, 1.0, 5.0, 100.0];

    /// Makes a recorder that keeps the `top` most probable tokens. It also keeps the chosen token if it ranks lower.
    pub fn new(top: usize) -> Self {
        Self { top, temperatures: Self::TEMPERATURES.to_vec(), stages: false }
    }

    /// Also records the candidates after each stage of the sampler, as [`Step::stages`].
    ///
    /// ```
    /// use sukashi_figure::sampling::{Sampler, Settings};
    /// use sukashi_figure::trace::{StepRecorder, Token};
    ///
    /// let mut sampler = Sampler::new(Settings { top_p: Some(0.9), ..Settings::default() }, 3)?;
    /// let token = |id| Token { id, text: None, bytes: None };
    /// let step = StepRecorder::new(3).with_stages().sample(&mut sampler, &[3.0, 1.5, 0.5], &[], token)?;
    /// let stages = step.stages.unwrap();
    /// let seen: Vec<_> = stages.outputs.iter().map(|output| (output.stage.as_str(), output.num_left)).collect();
    /// assert_eq!(seen, [("logits", 3), ("top_p", 2)]);
    /// let second = stages.outputs[0].tokens[1].unwrap();
    /// assert!((second.cumulative - 0.9371).abs() < 1e-4);
    /// assert!(stages.draw.is_some());
    /// # Ok::<(), sukashi_figure::Error>(())
    /// ```
    #[must_use]
    pub fn with_stages(self) -> Self {
        Self { stages: true, ..self }
    }

    /// Keeps the normalisers of these temperatures instead, in the given order.
    ///
    /// # Errors
    ///
    /// Input: a temperature is not finite or not above 0.
    pub fn with_temperatures(mut self, temperatures: impl Into<Vec<f64>>) -> Result<Self> {
        self.temperatures = temperatures.into();
        match self.temperatures.iter().find(|&&t| !t.is_finite() || t <= 0.0) {
            Some(bad) => Err(Error::input(format!("cannot record temperature = {bad}"))
                .detail("expected a finite temperature > 0")
                .hint("temperature 0 is the most probable token alone and needs no record")),
            None => Ok(self),
        }
    }

    /// Chooses the next token as [`Sampler::sample`] does, and records the step. `token` gives the token of an id.
    ///
    /// # Errors
    ///
    /// The errors of [`Sampler::distribution`]. Also if logits divided by a recorded temperature overflow.
    pub fn sample(
        &self,
        sampler: &mut Sampler,
        logits: &[f32],
        previous: &[u32],
        token: impl Fn(u32) -> Token,
    ) -> Result<Step> {
        let (mut next, seen) = self.run(sampler, logits, previous)?;
        let temperatures = self.normalisers(&next)?;
        let sampled = next.choose();
        let chosen = Chosen {
            id: sampled.id,
            text: token(sampled.id).text,
            prob: sampled.prob,
            prob_scaled: sampled.prob_scaled,
            prob_final: sampled.prob_final,
        };
        let stages = seen.map(|seen| (seen, sampled.draw));
        Ok(self.record(&next, previous.len(), temperatures, stages, Some(chosen), token))
    }

    /// Records the step without a choice. `chosen` is `None`, and nothing is drawn from the generator.
    ///
    /// # Errors
    ///
    /// The same as [`Self::sample`].
    pub fn look(
        &self,
        sampler: &mut Sampler,
        logits: &[f32],
        previous: &[u32],
        token: impl Fn(u32) -> Token,
    ) -> Result<Step> {
        let (next, seen) = self.run(sampler, logits, previous)?;
        let temperatures = self.normalisers(&next)?;
        let stages = seen.map(|seen| (seen, None));
        Ok(self.record(&next, previous.len(), temperatures, stages, None, token))
    }

    /// Runs the sampler's stages, and records each stage if the recorder keeps them.
    fn run<'a>(
        &self,
        sampler: &'a mut Sampler,
        logits: &'a [f32],
        previous: &[u32],
    ) -> Result<(Distribution<'a>, Option<Vec<Seen>>)> {
        if !self.stages {
            return Ok((sampler.distribution(logits, previous)?, None));
        }
        let mut seen = Vec::new();
        let see = |stage: Option<&dyn Stage>, left: &Candidates| seen.push(Seen::new(stage, left));
        let next = sampler.observe_stages(logits, previous, see)?;
        Ok((next, Some(seen)))
    }

    fn normalisers(&self, next: &Distribution<'_>) -> Result<Vec<Temperature>> {
        let mut temperatures = Vec::with_capacity(self.temperatures.len());
        for &temperature in &self.temperatures {
            let softmax = next.at_temperature(temperature);
            let log_sum_exp = softmax.log_sum_exp();
            if !log_sum_exp.is_finite() {
                return Err(Error::input(format!("cannot record temperature = {temperature}"))
                    .detail(format!("the greatest logit divided by it is {log_sum_exp}"))
                    .hint("use a higher temperature"));
            }
            temperatures.push(Temperature { temperature, log_sum_exp, entropy_bits: softmax.entropy_bits() });
        }
        Ok(temperatures)
    }

    fn record(
        &self,
        next: &Distribution<'_>,
        position: usize,
        temperatures: Vec<Temperature>,
        stages: Option<(Vec<Seen>, Option<f64>)>,
        chosen: Option<Chosen>,
        token: impl Fn(u32) -> Token,
    ) -> Step {
        let mut ids = next.most_probable(self.top);
        let mut ranks: Vec<usize> = (1..=ids.len()).collect();
        if let Some(chosen) = &chosen
            && !ids.contains(&chosen.id)
        {
            ids.push(chosen.id);
            ranks.push(next.rank(chosen.id));
        }
        let candidate = |(&id, &rank): (&u32, &usize)| {
            let Token { text, bytes, .. } = token(id);
            Candidate {
                rank,
                id,
                text,
                bytes,
                logit: next.logit(id),
                prob: next.prob(id),
                prob_scaled: next.prob_scaled(id),
                prob_final: next.prob_final(id),
            }
        };
        Step {
            position,
            candidates: ids.iter().zip(&ranks).map(candidate).collect(),
            other_prob: next.prob_of_others(&ids),
            entropy_bits: next.entropy_bits(),
            vocab_size: next.vocab_size(),
            temperatures,
            stages: stages.map(|(seen, draw)| Stages::new(seen, draw, &ids, next)),
            chosen,
        }
    }
}
