//! The greatest logits. Greedy and top-k choices depend on nothing else.

use std::cmp::Ordering;

use super::candidates::{impossible_logit, no_possible_token};
use crate::error::Result;

/// The number of logits that are compared together. If all of them are too small, one comparison skips them.
const BLOCK: usize = 256;

/// Writes to `greatest` the `count` (at least 1) greatest of the possible `logits`, each with its id, in any order. Of
/// equal ones at the edge, those with the lower ids are taken.
///
/// # Errors
/// The errors of a sampler for the same logits: one is NaN or +∞, or all are −∞.
pub(super) fn find(logits: &[f32], count: usize, greatest: &mut Vec<(u32, f32)>) -> Result<()> {
    greatest.clear();
    let room = room(count);
    // A later logit must exceed this.
    let mut edge = f32::NEG_INFINITY;
    for (index, block) in logits.chunks(BLOCK).enumerate() {
        let ids = (index * BLOCK) as u32..;
        // NaN and +∞ are not below this.
        let (mut max, mut is_usable) = (f32::NEG_INFINITY, true);
        for &logit in block {
            is_usable &= logit < f32::INFINITY;
            max = max.max(logit);
        }
        let mut with_ids = ids.zip(block.iter().copied());
        if !is_usable {
            let first = with_ids.find(|(_, logit)| logit.is_nan() || *logit == f32::INFINITY);
            return first.map_or(Ok(()), |(id, logit)| Err(impossible_logit(id, logit)));
        }
        if max <= edge {
            continue;
        }
        for (id, logit) in with_ids {
            if logit > edge {
                greatest.push((id, logit));
                if greatest.len() == room {
                    edge = cut(greatest, count);
                }
            }
        }
    }
    if greatest.is_empty() {
        return Err(no_possible_token(logits.len()));
    }
    cut(greatest, count);
    Ok(())
}

/// How many logits [`find`] keeps on the way. It keeps twice as many as asked for, so that cuts are rare.
pub(super) fn room(count: usize) -> usize {
    count.saturating_mul(2)
}

/// Keeps the `count` greatest logits and returns the least of them. Returns −∞ if there are no more than `count`.
fn cut(greatest: &mut Vec<(u32, f32)>, count: usize) -> f32 {
    if greatest.len() <= count {
        return f32::NEG_INFINITY;
    }
    let order =
        |a: &(u32, f32), b: &(u32, f32)| b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal).then(a.0.cmp(&b.0));
    let (_, &mut (_, edge), _) = greatest.select_nth_unstable_by(count - 1, order);
    greatest.truncate(count);
    edge
}

#[cfg(test)]
mod tests {
    use super::{find, room};
    use crate::sampling::{Choice, Sampler, Settings};

    fn settings() -> Vec<Settings> {
        let greedy = Settings { choice: Choice::Greedy, ..Settings::default() };
        let top_k = Settings { top_k: Some(2), seed: 3, ..Settings::default() };
        vec![
            greedy.clone(),
            Settings { choice: Choice::Pick(1), ..greedy.clone() },
            Settings { temperature: 0.3, top_k: Some(2), ..greedy.clone() },
            Settings { temperature: 0.0, ..greedy.clone() },
            Settings { temperature: 0.0, ..Settings::default() },
            Settings { top_p: Some(0.4), min_p: Some(0.2), ..greedy.clone() },
            top_k.clone(),
            Settings { temperature: 0.7, ..top_k.clone() },
            Settings { temperature: 1e-300, ..top_k.clone() },
            Settings { temperature: 1e300, ..top_k.clone() },
            Settings { top_p: Some(0.6), ..top_k.clone() },
            Settings { top_k: Some(3), min_p: Some(0.3), temperature: 2.0, ..top_k.clone() },
            Settings { choice: Choice::Pick(2), ..top_k.clone() },
            Settings { choice: Choice::Pick(3), ..top_k.clone() },
            Settings { top_k: Some(4), ..top_k.clone() },
            Settings { top_k: Some(1), ..top_k },
            // Settings that need the distribution.
            Settings { typical_p: Some(0.2), ..greedy.clone() },
            Settings { repetition_penalty: 2.0, ..greedy.clone() },
            Settings { logit_bias: [(1, 9.0)].into(), ..greedy.clone() },
            Settings { choice: Choice::Pick(2), ..greedy },
            Settings { seed: 7, ..Settings::default() },
        ]
    }

    #[test]
    fn it_is_the_token_that_a_sampler_takes() {
        let all: [&[f32]; 7] = [
            &[0.5, 3.0, 1.0, 2.9],
            &[2.0, 2.0, 2.0, 2.0],
            &[f32::NEG_INFINITY, -1.0, f32::NEG_INFINITY, -1.0],
            &[-0.0, 0.0, -0.0, -5.0],
            &[f32::MAX, -f32::MAX, f32::MIN_POSITIVE, 0.0],
            // Numbers that are equal after a division, the least first.
            &[1e-30, 5.0, 2e-30, 3e-30],
            &[0.0, 1e-45, 1.0, 1.0],
        ];
        for settings in settings() {
            let mut long = Sampler::new(settings.clone(), 4).unwrap();
            let mut short = Sampler::new(settings.clone(), 4).unwrap();
            for logits in all {
                for _ in 0..9 {
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
        for settings in settings() {
            let mut sampler = Sampler::new(settings, 4).unwrap();
            for logits in all {
                let want = sampler.sample(logits, &[]).unwrap_err().to_string();
                assert_eq!(sampler.next_id(logits, &[]).unwrap_err().to_string(), want, "{logits:?}");
            }
        }
    }

    #[test]
    fn blocks_and_cuts_lose_nothing() {
        // There are few different numbers, so that many are equal. They rise and fall, so that a cut comes early and
        // late.
        let scattered = (0..3000_u32).map(|id| (id.wrapping_mul(2_654_435_761) >> 24) as f32);
        let rising = (0..3000_u32).map(|id| (id / 7) as f32);
        let falling = (0..3000_u32).map(|id| -((id / 7) as f32));
        for logits in [scattered.collect::<Vec<_>>(), rising.collect(), falling.collect()] {
            for count in [1, 2, 7, 40, 255, 2999, 3000, 4000] {
                let mut want: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
                want.sort_by(|a, b| b.1.total_cmp(&a.1));
                want.truncate(count);
                let mut got = Vec::with_capacity(room(count));
                let before = got.capacity();
                find(&logits, count, &mut got).unwrap();
                got.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                assert_eq!(got, want, "{count}");
                assert_eq!(got.capacity(), before, "{count}");
            }
        }
    }
}
