//! Softmax at a temperature. Every probability of a logit comes from here.

/// The numbers by which a logit becomes its probability: `exp((logit - max) / temperature) / sum`.
///
/// Sums are in f64, in the order of the given logits, with `libm`'s exponential. So the result is the same on every
/// platform.
///
/// ```
/// use sukashi_figure::sampling::Softmax;
///
/// let softmax = Softmax::new(&[3.0, 1.5, 0.5], 2.0);
/// assert!((softmax.prob(3.0) - 0.5685).abs() < 1e-4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Softmax {
    temperature: f64,
    max: f64,
    sum: f64,
    /// `Σ weight * scaled`, from which the entropy follows without a logarithm per token.
    weighted: f64,
}

impl Softmax {
    /// Makes the normaliser of `logits` over the vocabulary at `temperature`, which is above 0.
    ///
    /// `logits` holds no NaN and no positive infinity, and at least one finite value. −∞ stands for an impossible token
    /// and adds nothing.
    pub fn new(logits: &[f32], temperature: f64) -> Self {
        let max = logits.iter().fold(f64::NEG_INFINITY, |max, &logit| max.max(f64::from(logit)));
        let mut softmax = Self::empty(max, temperature);
        for &logit in logits {
            softmax.add(f64::from(logit));
        }
        softmax
    }

    pub(super) fn empty(max: f64, temperature: f64) -> Self {
        Self { temperature, max, sum: 0.0, weighted: 0.0 }
    }

    /// Adds `logit` to the sums. Returns its weight, which is the probability before the division by the sum.
    pub(super) fn add(&mut self, logit: f64) -> f64 {
        let scaled = self.scaled(logit);
        let weight = libm::exp(scaled);
        // A weight of 0 may come from a `scaled` of −∞, and their product would be NaN.
        if weight > 0.0 {
            self.sum += weight;
            self.weighted += weight * scaled;
        }
        weight
    }

    /// The difference comes before the division, so that a tiny temperature makes no infinities.
    fn scaled(&self, logit: f64) -> f64 {
        (logit - self.max) / self.temperature
    }

    /// Returns the weight of `logit`, which is 1 for the greatest one.
    pub(super) fn weight(&self, logit: f64) -> f64 {
        libm::exp(self.scaled(logit))
    }

    /// Returns the sum of all weights.
    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    /// Returns the probability of a token with this logit, in 0..=1.
    pub fn prob(&self, logit: f64) -> f64 {
        self.weight(logit) / self.sum
    }

    /// Returns `-ln p` of a token with this logit, in nats. It is finite even if `p` underflows to 0.
    pub fn information(&self, logit: f64) -> f64 {
        libm::log(self.sum) - self.scaled(logit)
    }

    /// Returns the entropy of the distribution, in nats.
    pub(super) fn entropy(&self) -> f64 {
        libm::log(self.sum) - self.weighted / self.sum
    }

    /// Returns the entropy of the distribution, in bits.
    pub fn entropy_bits(&self) -> f64 {
        self.entropy() / std::f64::consts::LN_2
    }

    /// `ln Σ_v exp(logit_v / temperature)`.
    pub fn log_sum_exp(&self) -> f64 {
        self.max / self.temperature + libm::log(self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniform_distribution_has_log2_n_bits() {
        let softmax = Softmax::new(&[2.5; 8], 1.0);
        assert_eq!(softmax.entropy_bits(), 3.0);
        assert_eq!(softmax.prob(2.5), 0.125);
    }

    #[test]
    fn a_tiny_temperature_and_huge_logits_stay_finite() {
        let logits = [f32::MAX, -f32::MAX, f32::NEG_INFINITY];
        let softmax = Softmax::new(&logits, 1e-300);
        assert_eq!(softmax.prob(f64::from(f32::MAX)), 1.0);
        assert_eq!(softmax.prob(f64::from(-f32::MAX)), 0.0);
        assert_eq!(softmax.prob(f64::NEG_INFINITY), 0.0);
        assert_eq!(softmax.entropy(), 0.0);
    }

    #[test]
    fn information_is_finite_where_the_probability_underflows() {
        let softmax = Softmax::new(&[0.0, -2000.0], 1.0);
        assert_eq!(softmax.prob(-2000.0), 0.0);
        assert_eq!(softmax.information(-2000.0), 2000.0);
    }
}
