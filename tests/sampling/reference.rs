//! The reference implementation of the stages in the simplest form: full sorts, std's exponential, and one vector per
//! stage.

use std::cmp::Ordering;

use sukashi::sampling::{Sampler, Settings};

/// Probabilities by id: those of the model, the scaled ones, and the final ones.
pub struct Reference {
    pub prob: Vec<f64>,
    pub prob_scaled: Vec<f64>,
    pub prob_final: Vec<f64>,
}

pub fn reference(settings: &Settings, logits: &[f32], previous: &[u32]) -> Reference {
    let raw: Vec<f64> = logits.iter().map(|&logit| f64::from(logit)).collect();
    let mut scaled = raw.clone();
    for (id, logit) in scaled.iter_mut().enumerate() {
        let count = previous.iter().filter(|&&other| other as usize == id).count() as f64;
        if count > 0.0 {
            let r = settings.repetition_penalty;
            *logit = if *logit < 0.0 { *logit * r } else { *logit / r };
            *logit -= count * settings.frequency_penalty;
            *logit -= settings.presence_penalty;
        }
        if let Some(bias) = settings.logit_bias.get(&(id as u32)) {
            *logit += bias;
        }
    }
    if settings.temperature == 0.0 {
        let best = order(&scaled, |&logit| -logit)[0];
        for (id, logit) in scaled.iter_mut().enumerate() {
            *logit = if id == best { 0.0 } else { f64::NEG_INFINITY };
        }
    } else {
        scaled.iter_mut().for_each(|logit| *logit /= settings.temperature);
    }
    let prob_scaled = softmax(&scaled);

    let mut left = prob_scaled.clone();
    if let Some(k) = settings.top_k {
        for id in order(&left, |&p| -p).into_iter().skip(k) {
            left[id] = 0.0;
        }
        renormalise(&mut left);
    }
    if let Some(p) = settings.top_p {
        let order = order(&left, |&p| -p);
        cut_after_mass(&mut left, &order, p);
    }
    if let Some(p) = settings.min_p {
        let greatest = left.iter().copied().fold(0.0, f64::max);
        left.iter_mut().filter(|prob| **prob < p * greatest).for_each(|prob| *prob = 0.0);
        renormalise(&mut left);
    }
    if let Some(p) = settings.typical_p {
        let entropy: f64 = left.iter().filter(|&&q| q > 0.0).map(|q| -q * q.ln()).sum();
        let order = order(&left, |q| if *q > 0.0 { (-q.ln() - entropy).abs() } else { f64::INFINITY });
        cut_after_mass(&mut left, &order, p);
    }
    Reference { prob: softmax(&raw), prob_scaled, prob_final: left }
}

/// The ids in ascending order of keys. The sort is stable, so equal keys stay in the order of ids.
fn order(values: &[f64], key: impl Fn(&f64) -> f64) -> Vec<usize> {
    let mut ids: Vec<usize> = (0..values.len()).collect();
    ids.sort_by(|&a, &b| key(&values[a]).partial_cmp(&key(&values[b])).unwrap_or(Ordering::Equal));
    ids
}

fn cut_after_mass(left: &mut [f64], order: &[usize], mass: f64) {
    let mut reached = 0.0;
    for &id in order {
        if reached >= mass {
            left[id] = 0.0;
        }
        reached += left[id];
    }
    renormalise(left);
}

pub fn softmax(logits: &[f64]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut probs: Vec<f64> = logits.iter().map(|logit| (logit - max).exp()).collect();
    renormalise(&mut probs);
    probs
}

fn renormalise(probs: &mut [f64]) {
    let sum: f64 = probs.iter().sum();
    probs.iter_mut().for_each(|prob| *prob /= sum);
}

/// The difference between the sampler and the reference implementation, if there is one.
pub fn disagreement(settings: &Settings, logits: &[f32], previous: &[u32]) -> Option<String> {
    let want = reference(settings, logits, previous);
    let mut sampler = Sampler::new(settings.clone(), logits.len()).unwrap();
    let got = sampler.distribution(logits, previous).unwrap();
    (0..logits.len()).find_map(|id| {
        let found = [got.prob(id as u32), got.prob_scaled(id as u32), got.prob_final(id as u32)];
        let expected = [want.prob[id], want.prob_scaled[id], want.prob_final[id]];
        ["prob", "prob_scaled", "prob_final"].iter().zip(found.iter().zip(&expected)).find_map(
            |(name, (f, e))| {
                // The exponentials of std and libm differ in the last digit. The comparison is written so that NaN
                // fails.
                let close = (f - e).abs() <= 1e-12;
                (!close).then(|| format!("{name} of token {id}: got {f}, want {e}; {settings:?}"))
            },
        )
    })
}

#[test]
fn the_comparison_can_fail() {
    let logits = [3.0, 1.5, 0.5];
    assert_eq!(disagreement(&Settings::default(), &logits, &[]), None);
    let want = reference(&Settings { temperature: 0.999, ..Settings::default() }, &logits, &[]);
    let have = reference(&Settings::default(), &logits, &[]);
    assert!(want.prob_scaled.iter().zip(&have.prob_scaled).any(|(a, b)| (a - b).abs() > 1e-12));
}
