//! Properties for all logits and settings.

use proptest::prelude::*;
use sukashi::sampling::{Sampler, Settings};
use sukashi::trace::{StepRecorder, Token};

use crate::reference::disagreement;

/// Continuous values, values on a grid (so that ties are common), and impossible tokens.
fn logits() -> impl Strategy<Value = Vec<f32>> {
    let logit = prop_oneof![
        4 => -20.0f32..20.0,
        4 => (-6i8..6).prop_map(|step| f32::from(step) / 2.0),
        1 => Just(f32::NEG_INFINITY),
    ];
    prop::collection::vec(logit, 1..200).prop_map(|mut logits| {
        if logits.iter().all(|&logit| logit == f32::NEG_INFINITY) {
            logits[0] = 0.0;
        }
        logits
    })
}

fn temperature() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), 0.05f64..10.0]
}

fn settings() -> impl Strategy<Value = Settings> {
    let maybe = || prop::option::of(0.001f64..0.999);
    let penalties = (0.5f64..2.0, -2.0f64..2.0, -2.0f64..2.0);
    let bias = prop::collection::btree_map(Just(0u32), -5.0f64..5.0, 0..2);
    let top_k = prop::option::of(1usize..250);
    (penalties, bias, temperature(), top_k, maybe(), maybe(), maybe(), any::<u64>()).prop_map(
        |(
            (repetition_penalty, frequency_penalty, presence_penalty),
            logit_bias,
            temperature,
            top_k,
            top_p,
            min_p,
            typical_p,
            seed,
        )| Settings {
            repetition_penalty,
            frequency_penalty,
            presence_penalty,
            logit_bias,
            temperature,
            top_k,
            top_p,
            min_p,
            typical_p,
            seed,
            ..Settings::default()
        },
    )
}

fn previous_below(vocab_size: usize) -> Vec<u32> {
    (0..vocab_size as u32 * 2).filter(|id| id % 3 == 0).map(|id| id % vocab_size as u32).collect()
}

proptest! {
    #[test]
    fn the_sampler_agrees_with_the_reference(logits in logits(), settings in settings()) {
        // An impossible token stays impossible with penalties.
        let previous = previous_below(logits.len());
        prop_assert_eq!(disagreement(&settings, &logits, &previous), None);
    }

    #[test]
    fn probabilities_sum_to_1_and_the_choice_is_possible(logits in logits(), settings in settings()) {
        let mut sampler = Sampler::new(settings, logits.len()).unwrap();
        let mut next = sampler.distribution(&logits, &previous_below(logits.len())).unwrap();
        let ids = 0..logits.len() as u32;
        for sum in [
            ids.clone().map(|id| next.prob(id)).sum::<f64>(),
            ids.clone().map(|id| next.prob_scaled(id)).sum(),
            ids.clone().map(|id| next.prob_final(id)).sum(),
        ] {
            prop_assert!((sum - 1.0).abs() < 1e-12, "{}", sum);
        }
        let token = next.choose();
        prop_assert!(token.prob_final > 0.0);
    }

    #[test]
    fn truncation_keeps_a_prefix_of_the_sorted_order(
        logits in logits(), k in 1usize..100, top_p in 0.001f64..1.0, min_p in 0.001f64..1.0,
    ) {
        for settings in [
            Settings { top_k: Some(k), ..Settings::default() },
            Settings { top_p: Some(top_p), ..Settings::default() },
            Settings { min_p: Some(min_p), ..Settings::default() },
        ] {
            let mut sampler = Sampler::new(settings, logits.len()).unwrap();
            let next = sampler.distribution(&logits, &[]).unwrap();
            let sorted = next.most_probable(usize::MAX);
            let kept = sorted.iter().take_while(|&&id| next.prob_final(id) > 0.0).count();
            prop_assert!(kept >= 1);
            prop_assert_eq!(kept, next.num_left());
        }
    }

    #[test]
    fn candidates_and_others_make_1(logits in logits(), settings in settings(), top in 0usize..220) {
        let mut sampler = Sampler::new(settings, logits.len()).unwrap();
        let token = |id| Token { id, text: None, bytes: None };
        let step =
            StepRecorder::new(top).sample(&mut sampler, &logits, &previous_below(logits.len()), token).unwrap();
        let listed: f64 = step.candidates.iter().map(|candidate| candidate.prob).sum();
        prop_assert!((listed + step.other_prob - 1.0).abs() < 1e-12);
        prop_assert!(step.other_prob >= 0.0);
        let chosen = step.chosen.unwrap().id;
        prop_assert!(step.candidates.iter().any(|candidate| candidate.id == chosen));
        prop_assert!(step.candidates.is_sorted_by(|a, b| a.rank < b.rank && a.logit >= b.logit));
        prop_assert!(step.candidates.len() <= top + 1);
    }
}
