//! A token with its log-probability, and the most probable tokens in its place.

use crate::error::{Error, ErrorKind, Result};
use crate::sampling::Softmax;
use crate::serve::limits::MAX_TOP;

/// A token and how probable it was after the tokens before it: over the whole vocabulary, at temperature 1, before
/// penalties and biases.
#[derive(Debug, Clone, Copy)]
pub struct Scored {
    /// The token.
    pub id: u32,
    /// The natural logarithm of its probability. `None` if it was not asked for, and for a text's first token.
    pub log_prob: Option<f64>,
    /// The most probable tokens, of which the first `num_top` count.
    top: [(u32, f64); MAX_TOP],
    num_top: usize,
}

impl Scored {
    /// A token without its log-probability.
    pub fn unscored(id: u32) -> Self {
        Self { id, log_prob: None, top: [(0, 0.0); MAX_TOP], num_top: 0 }
    }

    /// Scores the token by the logits of its place. Nothing is allocated.
    ///
    /// The numbers are those of [`crate::model::score`], bit by bit. The token and the same token among the most
    /// probable ones have the same bits, too.
    ///
    /// # Errors
    /// If a logit is not a finite number.
    pub fn new(id: u32, logits: &[f32], num_top: usize) -> Result<Self> {
        if let Some(logit) = logits.iter().find(|logit| !logit.is_finite()) {
            return Err(Error::new(ErrorKind::Computation, "cannot make probabilities of the logits")
                .detail(format!("found a logit that is {logit}, expected finite numbers")));
        }
        let softmax = Softmax::new(logits, 1.0);
        let log_prob = |logit: f32| -softmax.information(f64::from(logit));
        let mut scored = Self { log_prob: Some(log_prob(logits[id as usize])), ..Self::unscored(id) };
        scored.num_top = num_top.min(MAX_TOP).min(logits.len());
        let top = &mut scored.top[..scored.num_top];
        let mut num_found = 0;
        for (id, &logit) in (0..).zip(logits) {
            let logit = f64::from(logit);
            // Of equal logits, the lower id comes first.
            let place = top[..num_found].partition_point(|&(_, other)| other >= logit);
            if place == top.len() {
                continue;
            }
            num_found = (num_found + 1).min(top.len());
            top[place..num_found].rotate_right(1);
            top[place] = (id, logit);
        }
        for (id, value) in top {
            *value = log_prob(logits[*id as usize]);
        }
        Ok(scored)
    }

    /// The most probable tokens in the token's place with their log-probabilities, the most probable first.
    pub fn top(&self) -> &[(u32, f64)] {
        &self.top[..self.num_top]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_tokens_are_in_order_and_have_the_bits_of_the_token() {
        let logits: Vec<f32> = (0..200).map(|id| ((id * 37) % 101) as f32 / 7.0).collect();
        for num_top in [0, 1, 2, 20, 99] {
            let scored = Scored::new(3, &logits, num_top).unwrap();
            let mut ids: Vec<u32> = (0..200).collect();
            ids.sort_by(|one, other| logits[*other as usize].total_cmp(&logits[*one as usize]));
            let want = ids[..num_top.min(MAX_TOP)]
                .iter()
                .map(|&id| (id, Scored::new(id, &logits, 0).unwrap().log_prob.unwrap().to_bits()));
            let got = scored.top().iter().map(|(id, log_prob)| (*id, log_prob.to_bits()));
            assert_eq!(Vec::from_iter(got), Vec::from_iter(want), "{num_top}");
        }
    }

    #[test]
    fn the_sum_of_probabilities_is_one() {
        let all: f64 = (0..5)
            .map(|id| Scored::new(id, &[0.5, 1.0, -3.0, 7.25, 0.0], 1).unwrap().log_prob.unwrap().exp())
            .sum();
        assert!((all - 1.0).abs() < 1e-12, "{all}");
        assert!(Scored::new(0, &[f32::NAN, 0.0], 1).is_err());
    }
}
