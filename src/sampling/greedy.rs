//! The most probable token without a distribution: all that greedy decoding needs.

use super::candidates::{impossible_logit, no_possible_token};
use crate::error::Result;

/// The id of the greatest of `logits`, the lowest of equal ones.
///
/// # Errors
/// As what a sampler says of the same logits: one that is NaN or +∞, or all of them −∞.
pub(crate) fn greatest(logits: &[f32]) -> Result<u32> {
    // NaN and +∞ have every bit of the exponent; so has −∞, which is looked at apart.
    let (mut max, mut is_usable) = (f32::NEG_INFINITY, true);
    for &logit in logits {
        is_usable &= logit < f32::INFINITY;
        max = max.max(logit);
    }
    if !is_usable {
        let first = (0u32..).zip(logits).find(|(_, logit)| logit.is_nan() || **logit == f32::INFINITY);
        if let Some((id, &logit)) = first {
            return Err(impossible_logit(id, logit));
        }
    }
    if max == f32::NEG_INFINITY {
        return Err(no_possible_token(logits.len()));
    }
    // Some logit is the maximum.
    Ok(logits.iter().position(|&logit| logit == max).unwrap_or(0) as u32)
}

#[cfg(test)]
mod tests {
    use crate::sampling::{Choice, Sampler, Settings};

    fn settings() -> Vec<Settings> {
        let greedy = Settings { choice: Choice::Greedy, ..Settings::default() };
        vec![
            greedy.clone(),
            Settings { choice: Choice::Pick(1), ..greedy.clone() },
            Settings { temperature: 0.3, top_k: Some(2), ..greedy.clone() },
            Settings { temperature: 0.0, ..greedy.clone() },
            Settings { top_p: Some(0.4), min_p: Some(0.2), ..greedy.clone() },
            // What needs the distribution.
            Settings { typical_p: Some(0.2), ..greedy.clone() },
            Settings { repetition_penalty: 2.0, ..greedy.clone() },
            Settings { logit_bias: [(1, 9.0)].into(), ..greedy.clone() },
            Settings { choice: Choice::Pick(2), ..greedy },
            Settings { seed: 7, ..Settings::default() },
        ]
    }

    #[test]
    fn it_is_the_token_that_a_sampler_takes() {
        let all: [&[f32]; 5] = [
            &[0.5, 3.0, 1.0, 2.9],
            &[2.0, 2.0, 2.0, 2.0],
            &[f32::NEG_INFINITY, -1.0, f32::NEG_INFINITY, -1.0],
            &[-0.0, 0.0, -0.0, -5.0],
            &[f32::MAX, -f32::MAX, f32::MIN_POSITIVE, 0.0],
        ];
        for settings in settings() {
            let mut long = Sampler::new(settings.clone(), 4).unwrap();
            let mut short = Sampler::new(settings.clone(), 4).unwrap();
            for logits in all {
                for _ in 0..3 {
                    let want = long.sample(logits, &[1, 3]).unwrap().id;
                    assert_eq!(short.next_id(logits, &[1, 3]).unwrap(), want, "{settings:?} {logits:?}");
                }
            }
        }
    }

    #[test]
    fn it_refuses_what_a_sampler_refuses() {
        let all: [&[f32]; 5] = [
            &[0.0, f32::NAN, 1.0, 2.0],
            &[0.0, 1.0, f32::INFINITY, f32::NAN],
            &[-f32::NAN, 1.0, 2.0, 3.0],
            &[f32::NEG_INFINITY; 4],
            &[0.0; 3],
        ];
        let mut sampler = Sampler::new(settings().remove(0), 4).unwrap();
        for logits in all {
            let want = sampler.sample(logits, &[]).unwrap_err().to_string();
            assert_eq!(sampler.next_id(logits, &[]).unwrap_err().to_string(), want, "{logits:?}");
        }
    }
}
