//! Tests each stage alone, the order of stages, and ties.

use std::collections::BTreeMap;

use sukashi::sampling::{Candidates, Context, Sampler, Settings, Stage};

use crate::reference::disagreement;

const LOGITS: [f32; 10] = [0.5, 3.0, -1.25, 1.5, 2.75, -4.0, 0.0, 1.0, 2.25, -0.5];
const PREVIOUS: [u32; 6] = [1, 5, 1, 8, 2, 1];

#[track_caller]
fn agrees(settings: Settings) {
    assert_eq!(disagreement(&settings, &LOGITS, &PREVIOUS), None);
}

/// The remaining ids in ascending order.
fn left(settings: Settings, logits: &[f32]) -> Vec<u32> {
    let mut sampler = Sampler::new(settings, logits.len()).unwrap();
    let next = sampler.distribution(logits, &[]).unwrap();
    (0..logits.len() as u32).filter(|&id| next.prob_final(id) > 0.0).collect()
}

#[test]
fn temperature_gives_the_known_values() {
    let known = [
        (0.5, [0.9465, 0.0471, 0.0064]),
        (1.0, [0.7662, 0.1710, 0.0629]),
        (2.0, [0.5685, 0.2686, 0.1629]),
        (0.0, [1.0, 0.0, 0.0]),
    ];
    for (temperature, probs) in known {
        let mut sampler = Sampler::new(Settings { temperature, ..Settings::default() }, 3).unwrap();
        let next = sampler.distribution(&[3.0, 1.5, 0.5], &[]).unwrap();
        for (id, want) in (0..).zip(probs) {
            assert!((next.prob_scaled(id) - want).abs() < 5e-5, "T = {temperature}, id {id}");
            assert_eq!(next.prob_final(id), next.prob_scaled(id));
        }
        assert!((next.prob(0) - 0.7662).abs() < 5e-5, "prob does not depend on the temperature");
    }
}

#[test]
fn each_stage_agrees_with_the_reference() {
    let base = Settings::default;
    agrees(base());
    for repetition_penalty in [0.5, 1.3, 10.0] {
        agrees(Settings { repetition_penalty, ..base() });
    }
    for penalty in [-0.7, 0.4, 2.0] {
        agrees(Settings { frequency_penalty: penalty, ..base() });
        agrees(Settings { presence_penalty: penalty, ..base() });
    }
    agrees(Settings { logit_bias: BTreeMap::from([(0, 2.5), (9, -3.0)]), ..base() });
    for temperature in [0.0, 0.25, 1.0, 5.0, 100.0] {
        agrees(Settings { temperature, ..base() });
    }
    for k in 1..=11 {
        agrees(Settings { top_k: Some(k), ..base() });
    }
    for p in [1e-9, 0.1, 0.33, 0.5, 0.9, 0.999, 1.0] {
        agrees(Settings { top_p: Some(p), ..base() });
        agrees(Settings { typical_p: Some(p), ..base() });
        agrees(Settings { min_p: Some(p), ..base() });
    }
    agrees(Settings { min_p: Some(0.0), ..base() });
}

#[test]
fn all_stages_together_agree_with_the_reference() {
    agrees(Settings {
        repetition_penalty: 1.2,
        frequency_penalty: 0.1,
        presence_penalty: 0.3,
        logit_bias: BTreeMap::from([(7, 1.0)]),
        temperature: 0.8,
        top_k: Some(7),
        top_p: Some(0.93),
        min_p: Some(0.05),
        typical_p: Some(0.8),
        ..Settings::default()
    });
}

#[test]
fn the_last_penalised_token_of_a_long_text_counts_once_per_occurrence() {
    let previous: Vec<u32> = (0..1000).map(|index| index % 3).collect();
    let settings = Settings { frequency_penalty: 0.01, presence_penalty: 0.5, ..Settings::default() };
    assert_eq!(disagreement(&settings, &LOGITS, &previous), None);
    // The sampler clears the counts after each call, so the second call gives the same.
    let mut sampler = Sampler::new(settings, LOGITS.len()).unwrap();
    let first = sampler.distribution(&LOGITS, &previous).unwrap().prob_scaled(0);
    assert_eq!(sampler.distribution(&LOGITS, &previous).unwrap().prob_scaled(0), first);
}

#[test]
fn truncations_see_the_renormalised_distribution() {
    // Half of all mass needs 0.4 and 0.3. Of these two alone, 0.4 has 4/7, which is more than half.
    let logits: Vec<f32> = [0.4f32, 0.3, 0.2, 0.1].iter().map(|prob| prob.ln()).collect();
    let top_p = |top_k| Settings { top_k, top_p: Some(0.5), ..Settings::default() };
    assert_eq!(left(top_p(None), &logits), [0, 1]);
    assert_eq!(left(top_p(Some(2)), &logits), [0]);
}

#[test]
fn stages_run_in_their_order() {
    let settings = Settings {
        presence_penalty: 1.0,
        logit_bias: BTreeMap::from([(0, 1.0)]),
        temperature: 0.5,
        top_k: Some(2),
        top_p: Some(0.9),
        min_p: Some(0.1),
        typical_p: Some(0.9),
        ..Settings::default()
    };
    let order =
        ["penalties", "logit_bias", "odd_only", "temperature", "top_k", "top_p", "min_p", "typical_p"];
    let mut sampler = Sampler::new(settings, 10).unwrap().with_stage(OddOnly);
    assert_eq!(sampler.stage_names().collect::<Vec<_>>(), order);
    let mut seen = Vec::new();
    let mut mass = Vec::new();
    sampler
        .observe(&LOGITS, &PREVIOUS, |stage, candidates| {
            seen.push(stage.to_owned());
            mass.push(candidates.iter().map(|token| token.prob).sum::<f64>());
        })
        .unwrap();
    assert_eq!(seen[0], "logits");
    assert_eq!(seen[1..], order);
    assert!(mass.iter().all(|mass| (mass - 1.0).abs() < 1e-12), "{mass:?}");
    // A stage that would change nothing does not run.
    assert_eq!(Sampler::new(Settings::default(), 10).unwrap().stage_names().count(), 0);
    let idle = Settings { top_k: Some(10), top_p: Some(1.0), min_p: Some(0.0), ..Settings::default() };
    assert_eq!(Sampler::new(idle, 10).unwrap().stage_names().count(), 0);
}

#[test]
fn of_equal_logits_the_lower_ids_stay() {
    let logits = [1.0f32, 2.0, 2.0, 2.0, 2.0, 1.0];
    assert_eq!(left(Settings { top_k: Some(2), ..Settings::default() }, &logits), [1, 2]);
    assert_eq!(left(Settings { top_k: Some(5), ..Settings::default() }, &logits), [0, 1, 2, 3, 4]);
    assert_eq!(left(Settings { top_p: Some(0.3), ..Settings::default() }, &logits), [1, 2]);
    assert_eq!(left(Settings { typical_p: Some(0.3), ..Settings::default() }, &logits), [1, 2]);
    assert_eq!(left(Settings { temperature: 0.0, ..Settings::default() }, &logits), [1]);
    // Zeros of both signs are equal logits.
    assert_eq!(left(Settings { top_k: Some(1), ..Settings::default() }, &[-0.0, 0.0]), [0]);
}

#[test]
fn typical_p_may_cut_the_most_probable_token() {
    // One token of 0.3 and 700 of 0.001. The entropy is far above the first token's information.
    let mut logits = vec![(0.001f32).ln(); 701];
    logits[0] = 0.3f32.ln();
    let left = left(Settings { typical_p: Some(0.4995), ..Settings::default() }, &logits);
    assert_eq!(left.first(), Some(&1));
    assert_eq!(left.len(), 500);
}

/// Keeps the odd ids.
struct OddOnly;

impl Stage for OddOnly {
    fn name(&self) -> &str {
        "odd_only"
    }

    fn apply(&mut self, candidates: &mut Candidates, _: &Context<'_>) -> sukashi::Result<()> {
        candidates.retain(|token| token.id % 2 == 1);
        Ok(())
    }
}

/// Adds 1 to the logit of the least probable token, and checks the candidates that it gets.
struct Lift;

impl Stage for Lift {
    fn name(&self) -> &str {
        "lift"
    }

    fn apply(&mut self, candidates: &mut Candidates, context: &Context<'_>) -> sukashi::Result<()> {
        assert_eq!(context.vocab_size, 3);
        assert_eq!(context.previous, [2, 2]);
        let mass: f64 = candidates.iter().map(|token| token.prob).sum();
        assert!((mass - 1.0).abs() < 1e-12);
        let least = candidates.iter().min_by(|a, b| a.prob.total_cmp(&b.prob)).unwrap();
        candidates.set_logit(least.id, least.logit + 1.0);
        candidates.set_logit(99, 1.0);
        Ok(())
    }
}

#[test]
fn a_stage_of_ones_own_runs_before_temperature_and_is_recorded() {
    let settings = Settings { temperature: 0.5, presence_penalty: 3.0, ..Settings::default() };
    let mut sampler = Sampler::new(settings, 3).unwrap().with_stage(Lift).with_stage(OddOnly);
    assert_eq!(sampler.settings().custom_stages, ["lift", "odd_only"]);
    let mut logits_after_lift = Vec::new();
    let next = sampler
        .observe(&[3.0, 1.5, 2.0], &[2, 2], |stage, candidates| {
            if stage == "lift" {
                logits_after_lift = candidates.iter().map(|token| token.logit).collect();
            }
        })
        .unwrap();
    // The penalty makes the logit of token 2 -1, the least one. The stage raises it to 0.
    assert_eq!(next.prob_scaled(0), 0.0);
    assert_eq!(next.prob_scaled(1), 1.0);
    assert!(next.prob(0) > 0.5, "the model's own probability stays");
    assert_eq!(logits_after_lift, [3.0, 1.5, 0.0]);
}
