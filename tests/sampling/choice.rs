//! The choice from the remaining candidates: draws, greedy, and n-th best.

use sukashi::sampling::{Choice, Sampler, Settings};

const LOGITS: [f32; 6] = [1.0, 0.0, 2.0, -1.0, 0.5, 1.0];

fn ids(settings: Settings, count: usize) -> Vec<u32> {
    let mut sampler = Sampler::new(settings, LOGITS.len()).unwrap();
    (0..count).map(|_| sampler.sample(&LOGITS, &[]).unwrap().id).collect()
}

#[test]
fn a_seed_gives_its_sequence_on_every_platform() {
    let seed = |seed| Settings { seed, temperature: 1.5, ..Settings::default() };
    let sequences = [0, 42, u64::MAX].map(|number| ids(seed(number), 16));
    assert_eq!(sequences, SEQUENCES);
}

const SEQUENCES: [[u32; 16]; 3] = [
    [0, 2, 4, 0, 5, 0, 1, 2, 5, 5, 2, 0, 3, 1, 2, 0],
    [1, 1, 4, 2, 5, 2, 1, 2, 4, 2, 1, 5, 2, 2, 2, 0],
    [5, 4, 5, 0, 5, 2, 0, 0, 5, 4, 2, 2, 0, 4, 5, 2],
];

#[test]
fn restarting_repeats_the_sequence() {
    let mut sampler = Sampler::new(Settings { seed: 5, ..Settings::default() }, LOGITS.len()).unwrap();
    let run = |sampler: &mut Sampler| -> Vec<u32> {
        (0..50).map(|_| sampler.sample(&LOGITS, &[]).unwrap().id).collect()
    };
    let first = run(&mut sampler);
    assert_ne!(run(&mut sampler), first);
    sampler.restart();
    assert_eq!(run(&mut sampler), first);
}

#[test]
fn looking_draws_nothing() {
    let mut looked = Sampler::new(Settings::default(), LOGITS.len()).unwrap();
    let mut straight = Sampler::new(Settings::default(), LOGITS.len()).unwrap();
    for _ in 0..50 {
        looked.distribution(&LOGITS, &[]).unwrap();
        assert_eq!(looked.sample(&LOGITS, &[]).unwrap(), straight.sample(&LOGITS, &[]).unwrap());
    }
}

#[test]
fn greedy_and_temperature_0_take_the_most_probable() {
    assert_eq!(ids(Settings { choice: Choice::Greedy, ..Settings::default() }, 5), [2; 5]);
    assert_eq!(ids(Settings { temperature: 0.0, ..Settings::default() }, 5), [2; 5]);
}

#[test]
fn pick_takes_the_nth_best_or_the_last_that_remains() {
    let pick = |n, top_k| ids(Settings { choice: Choice::Pick(n), top_k, ..Settings::default() }, 1)[0];
    // Of equal logits, id 0 comes before id 5.
    let picked: Vec<u32> = (1..=8).map(|n| pick(n, None)).collect();
    assert_eq!(picked, [2, 0, 5, 4, 1, 3, 3, 3]);
    assert_eq!(pick(5, Some(3)), 5);
    assert_eq!(pick(usize::MAX, Some(1)), 2);
    let cold = Settings { choice: Choice::Pick(3), temperature: 0.0, ..Settings::default() };
    assert_eq!(ids(cold, 1), [2]);
}

#[test]
fn the_choice_carries_its_probabilities() {
    let settings =
        Settings { choice: Choice::Pick(2), temperature: 0.5, top_k: Some(2), ..Settings::default() };
    let mut sampler = Sampler::new(settings, 3).unwrap();
    let token = sampler.sample(&[3.0, 1.5, 0.5], &[]).unwrap();
    assert_eq!(token.id, 1);
    assert!((token.prob - 0.1710).abs() < 5e-5);
    assert!((token.prob_scaled - 0.0471).abs() < 5e-5);
    assert!((token.prob_final - 0.0471 / (0.9465 + 0.0471)).abs() < 5e-5);
}

/// Pearson's statistic of `draws` against `probs`. It is infinite if an impossible token was drawn.
fn chi_square(draws: &[u32], probs: &[f64]) -> f64 {
    let term = |(id, &prob): (usize, &f64)| {
        let seen = draws.iter().filter(|&&draw| draw as usize == id).count() as f64;
        let expected = prob * draws.len() as f64;
        if prob == 0.0 {
            if seen == 0.0 { 0.0 } else { f64::INFINITY }
        } else {
            (seen - expected).powi(2) / expected
        }
    };
    probs.iter().enumerate().map(term).sum()
}

#[test]
fn draws_follow_prob_final() {
    // The 99.9 % quantile of chi-square with 4 degrees of freedom, for 5 remaining tokens. The seeds are fixed, so the
    // test always passes or always fails.
    const LIMIT: f64 = 18.47;
    for seed in 0..5 {
        let settings = Settings { seed, temperature: 1.3, top_k: Some(5), ..Settings::default() };
        let mut sampler = Sampler::new(settings.clone(), LOGITS.len()).unwrap();
        let next = sampler.distribution(&LOGITS, &[]).unwrap();
        let probs: Vec<f64> = (0..6).map(|id| next.prob_final(id)).collect();
        let draws = ids(settings, 20_000);
        let statistic = chi_square(&draws, &probs);
        assert!(statistic < LIMIT, "seed {seed}: {statistic}");
        // The check has to notice a temperature that is wrong by a tenth.
        let mut other =
            Sampler::new(Settings { temperature: 1.43, top_k: Some(5), ..Settings::default() }, 6).unwrap();
        let other = other.distribution(&LOGITS, &[]).unwrap();
        let others: Vec<f64> = (0..6).map(|id| other.prob_final(id)).collect();
        assert!(chi_square(&draws, &others) > LIMIT);
    }
}

#[test]
fn extreme_logits_give_finite_probabilities() {
    let cases: [&[f32]; 6] = [
        &[1e30, -1e30, 0.0],
        &[f32::MAX, f32::MIN, f32::MAX],
        &[0.0; 100],
        &[f32::NEG_INFINITY, 0.0, 1.0],
        &[7.0],
        &[-1e30],
    ];
    for logits in cases {
        for temperature in [0.0, 1e-300, 1e-3, 1.0, 1e300] {
            let settings =
                Settings { temperature, top_k: Some(1000), top_p: Some(0.9), ..Settings::default() };
            let mut sampler = Sampler::new(settings, logits.len()).unwrap();
            let next = sampler.distribution(logits, &[]).unwrap();
            let ids = 0..logits.len() as u32;
            let sums = [
                ids.clone().map(|id| next.prob(id)).sum::<f64>(),
                ids.clone().map(|id| next.prob_scaled(id)).sum(),
                ids.clone().map(|id| next.prob_final(id)).sum(),
            ];
            assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-12), "{logits:?} T {temperature}: {sums:?}");
            assert!(next.entropy_bits().is_finite() && next.entropy_bits() >= 0.0);
            let token = sampler.sample(logits, &[]).unwrap();
            assert!(token.prob_final > 0.0);
            assert!(logits[token.id as usize] > f32::NEG_INFINITY);
        }
    }
}

#[test]
fn a_large_vocabulary_is_sampled() {
    let logits: Vec<f32> =
        (0..262_144u32).map(|id| (id.wrapping_mul(2_654_435_761) >> 20) as f32 / 400.0).collect();
    for settings in [
        Settings { top_k: Some(40), ..Settings::default() },
        Settings { top_p: Some(0.95), ..Settings::default() },
        Settings { typical_p: Some(0.9), ..Settings::default() },
    ] {
        assert_eq!(crate::reference::disagreement(&settings, &logits, &[]), None);
    }
}

#[test]
fn the_greatest_logits_decide_where_nothing_else_can() {
    let greedy = Settings { choice: Choice::Greedy, ..Settings::default() };
    let cold = Settings { temperature: 0.0, ..Settings::default() };
    let top_k = Settings { top_k: Some(3), ..Settings::default() };
    let penalty = |settings: &Settings| Settings { repetition_penalty: 1.1, ..settings.clone() };
    let bias = |settings: &Settings| Settings { logit_bias: [(1, 0.5)].into(), ..settings.clone() };
    for (settings, want) in [
        (greedy.clone(), Some(1)),
        (cold.clone(), Some(1)),
        (Settings { top_p: Some(0.5), typical_p: Some(0.2), ..cold.clone() }, Some(1)),
        (Settings { choice: Choice::Pick(3), ..cold.clone() }, Some(1)),
        (Settings { choice: Choice::Pick(1), ..Settings::default() }, Some(1)),
        (Settings { temperature: 0.5, top_k: Some(3), top_p: Some(0.5), ..greedy.clone() }, Some(1)),
        (top_k.clone(), Some(3)),
        (Settings { temperature: 0.5, top_p: Some(0.5), min_p: Some(0.1), ..top_k.clone() }, Some(3)),
        (Settings { choice: Choice::Pick(2), ..top_k.clone() }, Some(3)),
        (Settings { top_k: Some(1000), ..top_k.clone() }, Some(4)),
        (Settings::default(), None),
        (Settings { top_p: Some(0.5), ..Settings::default() }, None),
        (Settings { min_p: Some(0.5), ..Settings::default() }, None),
        (Settings { choice: Choice::Pick(2), ..greedy.clone() }, None),
        // Typical sampling may drop the most probable token.
        (Settings { typical_p: Some(0.2), ..greedy.clone() }, None),
        (Settings { typical_p: Some(0.2), ..top_k.clone() }, None),
        (penalty(&greedy), None),
        (penalty(&cold), None),
        (penalty(&top_k), None),
        (bias(&greedy), None),
        (bias(&cold), None),
        (bias(&top_k), None),
    ] {
        let sampler = Sampler::new(settings.clone(), 4).unwrap();
        assert_eq!(sampler.num_deciding(), want, "{settings:?}");
    }
}
