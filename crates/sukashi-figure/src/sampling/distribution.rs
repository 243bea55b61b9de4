//! The distribution over the next token, before and after the stages.

use super::candidates::Candidates;
use super::generator::Generator;
use super::{Choice, Softmax};

/// The distribution over the next token: the model's own, the scaled one, and the final one.
///
/// [`Sampler::distribution`](super::Sampler::distribution) makes it.
#[derive(Debug)]
pub struct Distribution<'a> {
    pub(super) logits: &'a [f32],
    pub(super) raw: Softmax,
    /// The logits by id after penalties, bias, own stages and temperature. A removed token has −∞.
    pub(super) scaled_logits: &'a [f64],
    pub(super) scaled: Softmax,
    pub(super) candidates: &'a mut Candidates,
    pub(super) generator: &'a mut Generator,
    pub(super) choice: Choice,
}

/// The chosen token, and its probability before and after the stages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// The index into the vocabulary.
    pub id: u32,
    /// The probability by the softmax of the model's logits over the whole vocabulary, at temperature 1.
    pub prob: f64,
    /// The probability after penalties, bias, own stages and temperature, still over the whole vocabulary.
    pub prob_scaled: f64,
    /// The probability after truncation and renormalisation, with which `Choice::Sample` takes the token.
    pub prob_final: f64,
    /// The number in `0..1` that was drawn for the token. `None` if the choice was not random.
    pub draw: Option<f64>,
}

impl Distribution<'_> {
    /// Returns the size of the vocabulary.
    pub fn vocab_size(&self) -> usize {
        self.logits.len()
    }

    /// Returns how many tokens the stages left.
    pub fn num_left(&self) -> usize {
        self.candidates.len()
    }

    /// Returns the model's own output for `id`, or −∞ outside the vocabulary.
    pub fn logit(&self, id: u32) -> f32 {
        self.logits.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY)
    }

    /// Returns the softmax of the model's logits over the whole vocabulary, at temperature 1.
    pub fn prob(&self, id: u32) -> f64 {
        self.raw.prob(f64::from(self.logit(id)))
    }

    /// Returns the probability after penalties, bias, own stages and temperature, still over the whole vocabulary.
    pub fn prob_scaled(&self, id: u32) -> f64 {
        self.scaled_logits.get(id as usize).map_or(0.0, |&logit| self.scaled.prob(logit))
    }

    /// Returns the probability after truncation and renormalisation. It is 0 for a cut token.
    pub fn prob_final(&self, id: u32) -> f64 {
        self.candidates.get(id).map_or(0.0, |token| token.prob)
    }

    /// Returns where the share of `id` in `0..1` begins. `None` for a cut token.
    ///
    /// The remaining tokens stand in the order of their ids. Each has a share as long as its [`Self::prob_final`].
    /// [`Choice::Sample`] takes the token whose share holds the random number.
    pub fn share_start(&self, id: u32) -> Option<f64> {
        self.candidates.get(id).map(|_| self.candidates.mass_before(id))
    }

    /// Returns the entropy of [`Self::prob`] over the whole vocabulary, in bits.
    pub fn entropy_bits(&self) -> f64 {
        self.raw.entropy_bits()
    }

    /// Returns the model's distribution at another temperature (above 0), before any other stage.
    pub fn at_temperature(&self, temperature: f64) -> Softmax {
        Softmax::new(self.logits, temperature)
    }

    /// Returns the `count` most probable tokens by [`Self::prob`], the highest first. Impossible tokens are never among
    /// them.
    pub fn most_probable(&self, count: usize) -> Vec<u32> {
        let mut ids: Vec<u32> = (0u32..)
            .zip(self.logits)
            .filter(|&(_, &logit)| logit > f32::NEG_INFINITY)
            .map(|(id, _)| id)
            .collect();
        // The order is by logit, since different logits may have the same rounded probability.
        let order = |a: &u32, b: &u32| self.before(*a, *b);
        if count < ids.len() {
            ids.select_nth_unstable_by(count, order);
            ids.truncate(count);
        }
        ids.sort_unstable_by(order);
        ids
    }

    /// Returns the rank by [`Self::prob`], which is 1 for the most probable token.
    pub fn rank(&self, id: u32) -> usize {
        1 + (0u32..).zip(self.logits).filter(|&(other, _)| self.before(other, id).is_lt()).count()
    }

    fn before(&self, a: u32, b: u32) -> std::cmp::Ordering {
        let by_logit = self.logit(b).partial_cmp(&self.logit(a)).unwrap_or(std::cmp::Ordering::Equal);
        by_logit.then(a.cmp(&b))
    }

    /// Returns the mass by [`Self::prob`] of all tokens but `ids`. It is a sum and not a difference from 1, so that a
    /// tiny mass stays exact.
    pub fn prob_of_others(&self, ids: &[u32]) -> f64 {
        let mut listed = ids.to_vec();
        listed.sort_unstable();
        let mut listed = listed.into_iter().peekable();
        let mut weights = 0.0;
        for (id, &logit) in (0u32..).zip(self.logits) {
            while listed.next_if(|&next| next < id).is_some() {}
            if listed.peek() != Some(&id) {
                weights += self.raw.weight(f64::from(logit));
            }
        }
        weights / self.raw.sum()
    }

    /// Takes a token. [`Choice::Sample`] draws one number from the generator, and the others draw none.
    pub fn choose(&mut self) -> Sampled {
        let (id, draw) = self.choice.take(self.candidates, self.generator);
        Sampled {
            id,
            prob: self.prob(id),
            prob_scaled: self.prob_scaled(id),
            prob_final: self.prob_final(id),
            draw,
        }
    }
}
