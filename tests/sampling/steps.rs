//! Records steps from logits.

use sukashi::ErrorKind;
use sukashi::sampling::{Choice, Sampler, Settings};
use sukashi::trace::{StepRecorder, Token};

const LOGITS: [f32; 5] = [0.5, 3.0, f32::NEG_INFINITY, 1.5, 0.5];

fn token(id: u32) -> Token {
    Token { id, text: Some(format!("<{id}>")), bytes: Some(vec![id as u8]) }
}

#[test]
fn the_chosen_token_is_listed_at_its_own_rank() {
    let settings = Settings { choice: Choice::Pick(4), ..Settings::default() };
    let mut sampler = Sampler::new(settings, 5).unwrap();
    let step = StepRecorder::new(2).sample(&mut sampler, &LOGITS, &[1, 1, 3], token).unwrap();
    let listed: Vec<_> = step.candidates.iter().map(|candidate| (candidate.rank, candidate.id)).collect();
    assert_eq!(listed, [(1, 1), (2, 3), (4, 4)]);
    assert_eq!((step.position, step.vocab_size), (3, 5));
    let chosen = step.chosen.unwrap();
    assert_eq!((chosen.id, chosen.text.as_deref()), (4, Some("<4>")));
    assert_eq!(chosen.prob, step.candidates[2].prob);
    assert_eq!(step.candidates[0].text.as_deref(), Some("<1>"));
    assert_eq!(step.candidates[0].bytes.as_deref(), Some(&[1][..]));
    assert_eq!(step.candidates[0].logit, 3.0);
}

#[test]
fn impossible_tokens_are_never_listed() {
    let mut sampler = Sampler::new(Settings::default(), 5).unwrap();
    let step = StepRecorder::new(100).look(&mut sampler, &LOGITS, &[], token).unwrap();
    let ids: Vec<_> = step.candidates.iter().map(|candidate| candidate.id).collect();
    assert_eq!(ids, [1, 3, 0, 4]);
    assert_eq!(step.other_prob, 0.0);
    assert_eq!(step.chosen, None);
}

#[test]
fn looking_draws_nothing_and_recording_draws_as_sampling_does() {
    let new = || Sampler::new(Settings { seed: 9, ..Settings::default() }, 5).unwrap();
    let (mut looked, mut straight) = (new(), new());
    let recorder = StepRecorder::new(3);
    for _ in 0..30 {
        recorder.look(&mut looked, &LOGITS, &[], token).unwrap();
        let step = recorder.sample(&mut looked, &LOGITS, &[], token).unwrap();
        let want = straight.sample(&LOGITS, &[]).unwrap();
        let got = step.chosen.unwrap();
        assert_eq!(got.id, want.id);
        assert_eq!(
            [got.prob, got.prob_scaled, got.prob_final],
            [want.prob, want.prob_scaled, want.prob_final]
        );
    }
}

#[test]
fn a_tiny_remaining_mass_is_exact() {
    let mut sampler = Sampler::new(Settings::default(), 2).unwrap();
    let step = StepRecorder::new(1).look(&mut sampler, &[100.0, 0.0], &[], token).unwrap();
    let want = (-100.0f64).exp();
    assert!((step.other_prob / want - 1.0).abs() < 1e-12);
}

#[test]
fn temperatures_turn_logits_into_probabilities() {
    let mut sampler = Sampler::new(Settings { temperature: 0.3, ..Settings::default() }, 3).unwrap();
    let step = StepRecorder::new(3).look(&mut sampler, &[3.0, 1.5, 0.5], &[], token).unwrap();
    let temperatures: Vec<f64> = step.temperatures.iter().map(|at| at.temperature).collect();
    assert_eq!(temperatures, StepRecorder::TEMPERATURES);
    let probs = |index: usize| -> Vec<f64> {
        let at = step.temperatures[index];
        step.candidates.iter().map(|c| (f64::from(c.logit) / at.temperature - at.log_sum_exp).exp()).collect()
    };
    for (index, want) in [(0, [0.9465, 0.0471, 0.0064]), (1, [0.7662, 0.1710, 0.0629])] {
        for (got, want) in probs(index).iter().zip(want) {
            assert!((got - want).abs() < 5e-5);
        }
    }
    assert_eq!(step.temperatures[1].entropy_bits, step.entropy_bits);
    let entropy: f64 = probs(1).iter().map(|p| -p * p.log2()).sum();
    assert!((entropy - step.entropy_bits).abs() < 1e-12);
    // At a temperature of 100, the distribution is nearly uniform.
    assert!((step.temperatures[3].entropy_bits - 3f64.log2()).abs() < 1e-3);
}

#[test]
fn temperatures_that_cannot_be_recorded_are_refused() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = StepRecorder::new(1).with_temperatures([1.0, bad]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().starts_with(&format!("cannot record temperature = {bad}\n")));
    }
    let recorder = StepRecorder::new(1).with_temperatures([1e-300]).unwrap();
    let mut sampler = Sampler::new(Settings::default(), 1).unwrap();
    let error = recorder.look(&mut sampler, &[1e30], &[], token).unwrap_err();
    assert!(error.to_string().contains("the greatest logit divided by it is inf"));
}
