//! What rounding changes in a model's predictions.

use std::time::{Duration, Instant};

use super::measure::GAIN;
use crate::error::{Error, Result};
use crate::model::{Model, Session};
use crate::sampling::Softmax;
use crate::text::EncodeOptions;

/// What is decoded: the beginnings of two novels, in Japanese and in English.
const TEXTS: [&str; 2] =
    [include_str!("../../assets/quality/ja.txt"), include_str!("../../assets/quality/en.txt")];

/// Tokens that are taken of each.
const TOKENS_OF_TEXT: usize = 128;

/// How far a model's predictions are from those of the same model, computed more exactly, over the tokens of a text.
///
/// ```
/// # pollster::block_on(async {
/// use sukashi::tuning::Quality;
/// use sukashi::{Device, Model, Session};
///
/// let model = Model::embedded(&Device::Cpu)?;
/// let [mut reference, mut tested] = [Session::new(&model)?, Session::new(&model)?];
/// let ids = model.encode("吾輩は猫である")?;
/// let quality = Quality::compare(&mut reference, &mut tested, &ids, &mut |_, _| {}).await?;
/// assert_eq!((quality.num_tokens, quality.top1_agreement, quality.max_kl), (7, 1.0, 0.0));
/// assert!(quality.passes());
/// # Ok::<(), sukashi::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Predictions that are compared: one after each token.
    pub num_tokens: usize,
    /// The share of them whose most probable token is the same.
    pub top1_agreement: f64,
    /// Mean of the Kullback-Leibler divergence of the tested distribution from the reference's, over the whole vocabulary, in nats.
    pub mean_kl: f64,
    /// The largest.
    pub max_kl: f64,
    /// Perplexity of the text to the reference.
    pub reference_perplexity: f64,
    /// And to what is tested.
    pub tested_perplexity: f64,
    /// Seconds that the reference took for all tokens.
    pub reference_seconds: f64,
    /// And what is tested.
    pub tested_seconds: f64,
}

impl Quality {
    // Measured with all products of Gemma 3 270M (Q4_K_M, 256 tokens, lavapipe) rounded: 0.0053 nats, and 94.1% of the top tokens, where
    // the text's perplexity went from 78.7 to 78.3; with half of its products, 0.0029 and 96.1%. So many top tokens change since two are
    // nearly as probable where a small model hardly knows what comes next, which says less than the divergence does: the gate is that,
    // at twice what was seen, and the agreement a second look at it.
    /// The largest [`Quality::mean_kl`] that passes.
    pub const MAX_MEAN_KL: f64 = 0.01;

    /// The least [`Quality::top1_agreement`] that passes.
    pub const MIN_AGREEMENT: f64 = 0.92;

    /// Whether the predictions are close enough; not where one of them is no number.
    pub fn passes(&self) -> bool {
        // Written so that NaN fails.
        self.num_tokens > 0 && self.top1_agreement >= Self::MIN_AGREEMENT && self.mean_kl <= Self::MAX_MEAN_KL
    }

    /// Whether what is tested needs less time, by more than what measuring is off by.
    pub fn is_faster(&self) -> bool {
        self.tested_seconds < GAIN * self.reference_seconds
    }

    /// The tokens that a model is tested with: up to 128 of a Japanese and of an English text, as far as its vocabulary has their
    /// characters and its context has room.
    ///
    /// # Errors
    /// If the model has no tokenizer, or can read neither text.
    pub fn ids(model: &Model) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        let mut failed = None;
        for text in TEXTS {
            // What stands at the beginning of a text stands at that of the first.
            let add_special_tokens = ids.is_empty();
            match model.encode_with(text, EncodeOptions { add_special_tokens, ..EncodeOptions::default() }) {
                Ok(some) => ids.extend(some.into_iter().take(TOKENS_OF_TEXT)),
                Err(error) => failed = Some(error),
            }
        }
        ids.truncate(model.spec().max_seq_len);
        match failed {
            Some(error) if ids.is_empty() => Err(error),
            _ => Ok(ids),
        }
    }

    /// Decodes `ids` token by token in both sessions, in turn, from their beginning, and compares what they predict. `progress` is told
    /// how many tokens of how many are done.
    ///
    /// # Errors
    /// If `ids` is empty or too long for a session, or an id is outside the vocabulary; if a device fails.
    pub async fn compare(
        reference: &mut Session,
        tested: &mut Session,
        ids: &[u32],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self> {
        let room = reference.max_seq_len().min(tested.max_seq_len());
        if ids.is_empty() || ids.len() > room {
            return Err(Error::input("cannot compare predictions")
                .detail(format!("found {} tokens, expected 1 to {room}", ids.len())));
        }
        reference.reset();
        tested.reset();
        let mut sums = Sums::default();
        for (index, &id) in ids.iter().enumerate() {
            progress(index, ids.len());
            let start = Instant::now();
            let want = reference.decode(id).await?;
            let between = Instant::now();
            let got = tested.decode(id).await?;
            // The first token waits for what only the first run does.
            if index > 0 || ids.len() == 1 {
                sums.reference_time += between - start;
                sums.tested_time += between.elapsed();
            }
            sums.add(want, got, ids.get(index + 1).copied());
        }
        progress(ids.len(), ids.len());
        Ok(sums.quality())
    }
}

/// What is summed over the tokens.
#[derive(Debug, Default)]
struct Sums {
    num_tokens: usize,
    num_agreeing: usize,
    kl: f64,
    max_kl: f64,
    num_predicted: usize,
    reference_information: f64,
    tested_information: f64,
    reference_time: Duration,
    tested_time: Duration,
}

impl Sums {
    /// Adds a prediction of each, and the token that comes next, if there is one.
    fn add(&mut self, reference: &[f32], tested: &[f32], next: Option<u32>) {
        self.num_tokens += 1;
        let (p, q) = (Distribution::of(reference), Distribution::of(tested));
        self.num_agreeing += usize::from(p.best.is_some() && p.best == q.best);
        let of_token = |(&p_logit, &q_logit): (&f32, &f32)| {
            let log_p = p.log_prob(p_logit);
            log_p.exp() * (log_p - q.log_prob(q_logit))
        };
        let kl: f64 = reference.iter().zip(tested).map(of_token).sum();
        // What rounding leaves below nothing is nothing; NaN stays, here and in the largest.
        let kl = if kl < 0.0 { 0.0 } else { kl };
        let kl = if reference.len() == tested.len() { kl } else { f64::NAN };
        self.kl += kl;
        if kl > self.max_kl || kl.is_nan() {
            self.max_kl = kl;
        }
        if let Some(next) = next {
            self.num_predicted += 1;
            self.reference_information -= p.log_prob(reference[next as usize]);
            self.tested_information -= q.log_prob(tested[next as usize]);
        }
    }

    fn quality(self) -> Quality {
        let (num_tokens, num_predicted) = (self.num_tokens as f64, self.num_predicted as f64);
        Quality {
            num_tokens: self.num_tokens,
            top1_agreement: self.num_agreeing as f64 / num_tokens,
            mean_kl: self.kl / num_tokens,
            max_kl: if self.kl.is_nan() { f64::NAN } else { self.max_kl },
            reference_perplexity: (self.reference_information / num_predicted).exp(),
            tested_perplexity: (self.tested_information / num_predicted).exp(),
            reference_seconds: self.reference_time.as_secs_f64(),
            tested_seconds: self.tested_time.as_secs_f64(),
        }
    }
}

/// What makes log-probabilities of logits.
struct Distribution {
    /// The most probable token, the first of equals; none where there are logits that are no numbers.
    best: Option<usize>,
    /// The logarithm of the sum of all exponentials; NaN where there are such logits.
    log_sum: f64,
}

impl Distribution {
    fn of(logits: &[f32]) -> Self {
        if logits.iter().any(|logit| !logit.is_finite()) {
            return Self { best: None, log_sum: f64::NAN };
        }
        let greater = |best: usize, index: usize| if logits[index] > logits[best] { index } else { best };
        Self { best: (0..logits.len()).reduce(greater), log_sum: Softmax::new(logits, 1.0).log_sum_exp() }
    }

    fn log_prob(&self, logit: f32) -> f64 {
        f64::from(logit) - self.log_sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 4] = [1.0, 3.0, -2.0, 0.5];

    fn quality(tested: impl Fn(usize) -> [f32; 4]) -> Quality {
        let mut sums = Sums::default();
        for token in 0..50 {
            sums.add(&LOGITS, &tested(token), (token < 49).then_some(1));
        }
        sums.quality()
    }

    #[test]
    fn the_same_passes() {
        let same = quality(|_| LOGITS);
        assert_eq!((same.num_tokens, same.top1_agreement, same.mean_kl, same.max_kl), (50, 1.0, 0.0, 0.0));
        assert!((same.reference_perplexity - same.tested_perplexity).abs() < 1e-12);
        assert!(same.passes());
        // Softmax knows no constants.
        assert!(quality(|_| LOGITS.map(|logit| logit + 7.0)).max_kl < 1e-12);
        assert!(!Sums::default().quality().passes(), "nothing compared");
    }

    #[test]
    fn divergence_by_hand() {
        // p = (1/2, 1/2), q = (3/4, 1/4): 1/2 ln 2/3 + 1/2 ln 2.
        let mut sums = Sums::default();
        sums.add(&[0.0, 0.0], &[3.0_f32.ln(), 0.0], Some(1));
        let quality = sums.quality();
        assert!((quality.mean_kl - 0.5 * (4.0_f64 / 3.0).ln()).abs() < 1e-7);
        assert!((quality.reference_perplexity - 2.0).abs() < 1e-7);
        assert!((quality.tested_perplexity - 4.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_off_fails() {
        let with = |index: usize, logit: f32| {
            let mut logits = LOGITS;
            logits[index] = logit;
            logits
        };
        let another_best = |token: usize| if token.is_multiple_of(10) { with(0, 3.01) } else { LOGITS };
        let disagreeing = quality(another_best);
        assert!((disagreeing.top1_agreement - 0.9).abs() < 1e-12 && !disagreeing.passes());
        let flatter = quality(|_| LOGITS.map(|logit| 0.8 * logit));
        assert!(flatter.top1_agreement == 1.0 && flatter.mean_kl > Quality::MAX_MEAN_KL && !flatter.passes());
        // Once is enough, wherever it is and whatever follows.
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let once = quality(|token| if token == 7 { with(2, broken) } else { LOGITS });
            assert!(once.mean_kl.is_nan() && once.max_kl.is_nan() && !once.passes(), "{broken}");
        }
        let mut shorter = Sums::default();
        shorter.add(&LOGITS, &LOGITS[..3], None);
        assert!(!shorter.quality().passes(), "another vocabulary");
    }
}
