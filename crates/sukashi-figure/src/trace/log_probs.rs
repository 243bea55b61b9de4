//! Traces of log-probabilities that another program computed.

use super::{AdapterInfo, Candidate, ModelInfo, Prompt, SCHEMA, Step, Trace};
use crate::error::{Error, Result};
use crate::sampling::Settings;

impl Trace {
    /// Makes a trace of one step from the log-probabilities (natural logarithms) of the most probable next tokens. Many
    /// APIs return these.
    ///
    /// The tokens may come in any order. Their ids are unknown, so the record numbers them by their rank. It keeps the
    /// log-probabilities as logits. `vocab_size` is the number of all tokens, and the mass that is not listed becomes
    /// `other_prob`. For the entropy, that mass is spread evenly over the tokens that are not listed. This is the
    /// highest entropy that these numbers allow.
    ///
    /// ```
    /// use sukashi_figure::Trace;
    ///
    /// let trace = Trace::from_log_probs("gpt-x", "The sky is", 50_000, &[(" blue", -0.2), (" clear", -2.5)])?;
    /// let step = &trace.steps[0];
    /// assert_eq!(step.candidates[0].text.as_deref(), Some(" blue"));
    /// assert!((step.other_prob - 0.0992).abs() < 1e-4);
    /// # Ok::<(), sukashi_figure::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Input: a log-probability that is above 0 or not a number, probabilities whose sum is above 1, or more tokens than
    /// `vocab_size`.
    pub fn from_log_probs(
        model: &str,
        prompt: &str,
        vocab_size: usize,
        log_probs: &[(&str, f64)],
    ) -> Result<Self> {
        let unusable = || Error::input("cannot record these log-probabilities");
        if log_probs.len() > vocab_size {
            return Err(unusable().detail(format!(
                "found {} tokens, expected at most the vocab_size of {vocab_size}",
                log_probs.len()
            )));
        }
        if let Some((text, found)) =
            log_probs.iter().find(|(_, log_prob)| log_prob.is_nan() || *log_prob > 0.0)
        {
            return Err(unusable()
                .detail(format!("found {found} for {text:?}, expected a natural logarithm of at most 0")));
        }
        // A record never lists a token of probability 0.
        let mut sorted = Vec::from_iter(log_probs.iter().filter(|(_, log_prob)| log_prob.is_finite()));
        sorted.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let candidates: Vec<Candidate> = sorted
            .iter()
            .zip(1..)
            .map(|((text, log_prob), rank)| {
                let prob = libm::exp(*log_prob);
                Candidate {
                    rank,
                    id: rank as u32 - 1,
                    text: Some((*text).to_owned()),
                    bytes: Some(text.as_bytes().to_vec()),
                    logit: *log_prob as f32,
                    prob,
                    prob_scaled: prob,
                    prob_final: prob,
                }
            })
            .collect();
        let num_others = vocab_size - candidates.len();
        let left = 1.0 - candidates.iter().map(|candidate| candidate.prob).sum::<f64>();
        let other_prob = if num_others == 0 { 0.0 } else { left.max(0.0) };
        let mut nats: f64 = sorted.iter().map(|(_, log_prob)| -libm::exp(*log_prob) * log_prob).sum();
        if other_prob > 0.0 {
            nats -= other_prob * libm::log(other_prob / num_others as f64);
        }
        let trace = Self {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: ModelInfo {
                name: model.to_owned(),
                family: String::new(),
                weights_sha256: String::new(),
                precision: String::new(),
                left_out: Vec::new(),
            },
            adapter: AdapterInfo {
                name: String::new(),
                backend: String::new(),
                driver: String::new(),
                kind: String::new(),
            },
            sampling: Settings::default(),
            prompt: Prompt { text: Some(prompt.to_owned()), tokens: Vec::new() },
            steps: vec![Step {
                position: 0,
                candidates,
                other_prob,
                entropy_bits: nats / std::f64::consts::LN_2,
                vocab_size,
                temperatures: Vec::new(),
                stages: None,
                chosen: None,
            }],
            text: Some(prompt.to_owned()),
        };
        trace.validate()?;
        Ok(trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mass_and_the_entropy_are_of_the_whole_vocabulary() {
        let quarter = 0.25_f64.ln();
        let trace = Trace::from_log_probs("m", "", 4, &[("a", quarter), ("b", quarter)]).unwrap();
        assert!((trace.steps[0].other_prob - 0.5).abs() < 1e-12);
        assert!((trace.steps[0].entropy_bits - 2.0).abs() < 1e-12);
    }

    #[test]
    fn tokens_are_sorted_and_impossible_ones_left_out() {
        let trace = Trace::from_log_probs(
            "m",
            "",
            9,
            &[("rare", -3.0), ("never", f64::NEG_INFINITY), ("often", -0.1)],
        );
        let step = &trace.unwrap().steps[0];
        assert_eq!(
            Vec::from_iter(step.candidates.iter().filter_map(|c| c.text.as_deref())),
            ["often", "rare"]
        );
    }

    #[test]
    fn numbers_that_are_no_log_probabilities_are_refused() {
        let of = |vocab_size, log_probs: &[(&str, f64)]| {
            Trace::from_log_probs("m", "", vocab_size, log_probs).unwrap_err().to_string()
        };
        assert!(of(9, &[("a", 0.5)]).contains("at most 0"));
        assert!(of(9, &[("a", f64::NAN)]).contains("found NaN"));
        assert!(of(1, &[("a", -1.0), ("b", -1.0)]).contains("found 2 tokens"));
        assert!(of(9, &[("a", -0.1), ("b", -0.2)]).contains("other_prob"));
    }
}
