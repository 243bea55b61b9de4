//! The input that the sampler refuses, and its messages.

use std::collections::BTreeMap;

use sukashi::ErrorKind;
use sukashi::sampling::{Candidates, Choice, Context, Sampler, Settings, Stage};

#[track_caller]
fn refused(settings: Settings, message: &str) {
    let error = Sampler::new(settings, 10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(error.to_string(), message);
}

#[test]
fn settings_out_of_range_name_field_value_and_limit() {
    let base = Settings::default;
    for (temperature, shown) in [(f64::NAN, "NaN"), (-0.5, "-0.5"), (f64::INFINITY, "inf")] {
        let message =
            format!("cannot sample with temperature = {shown}\n  expected a finite temperature >= 0");
        refused(Settings { temperature, ..base() }, &message);
    }
    refused(Settings { top_k: Some(0), ..base() }, "cannot sample with top_k = 0\n  expected top_k >= 1");
    for (p, shown) in [(0.0, "0"), (1.01, "1.01"), (-1.0, "-1"), (f64::NAN, "NaN")] {
        let limit = |field| format!("cannot sample with {field} = {shown}\n  expected 0 < {field} <= 1");
        refused(Settings { top_p: Some(p), ..base() }, &limit("top_p"));
        refused(Settings { typical_p: Some(p), ..base() }, &limit("typical_p"));
    }
    for (p, shown) in [(-0.1, "-0.1"), (1.5, "1.5"), (f64::NAN, "NaN")] {
        let message = format!("cannot sample with min_p = {shown}\n  expected 0 <= min_p <= 1");
        refused(Settings { min_p: Some(p), ..base() }, &message);
    }
    for (repetition_penalty, shown) in [(0.0, "0"), (-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let message = format!(
            "cannot sample with repetition_penalty = {shown}\n  expected a finite repetition_penalty > 0"
        );
        refused(Settings { repetition_penalty, ..base() }, &message);
    }
    refused(
        Settings { frequency_penalty: f64::NAN, ..base() },
        "cannot sample with frequency_penalty = NaN\n  expected a finite frequency_penalty",
    );
    refused(
        Settings { presence_penalty: f64::NEG_INFINITY, ..base() },
        "cannot sample with presence_penalty = -inf\n  expected a finite presence_penalty",
    );
    refused(
        Settings { logit_bias: BTreeMap::from([(3, f64::NAN)]), ..base() },
        "cannot sample with logit_bias[3] = NaN\n  expected a finite bias; -1e9 bans a token",
    );
    refused(
        Settings { logit_bias: BTreeMap::from([(10, 1.0)]), ..base() },
        "cannot use logit_bias for token 10\n  expected an id below the size of the vocabulary, 10",
    );
    refused(
        Settings { choice: Choice::Pick(0), ..base() },
        "cannot sample with pick = 0\n  expected pick >= 1, 1 being the most probable token",
    );
    refused(
        Settings { custom_stages: vec!["grammar".to_owned()], ..base() },
        "cannot rebuild the custom_stages [\"grammar\"] from their names\n  hint: clear custom_stages and give the \
         stages themselves to Sampler::with_stage",
    );
    assert_eq!(Sampler::new(base(), 0).unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn bad_logits_name_the_token() {
    let mut sampler = Sampler::new(Settings::default(), 3).unwrap();
    for (bad, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let error = sampler.sample(&[0.0, 1.0, bad], &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Computation);
        assert!(error.to_string().starts_with(&format!("cannot sample: the logit of token 2 is {shown}\n")));
    }
    let error = sampler.sample(&[f32::NEG_INFINITY; 3], &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Computation);
    assert!(error.to_string().starts_with("cannot sample: every logit is -inf\n"));
    let error = sampler.sample(&[0.0; 4], &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(error.to_string(), "cannot sample from 4 logits\n  expected one for each of 3 tokens");
    // The sampler still works after an error.
    assert!(sampler.sample(&[0.0; 3], &[]).is_ok());
}

#[test]
fn a_previous_token_outside_the_vocabulary_is_refused_where_it_is_read() {
    let penalised = Settings { presence_penalty: 1.0, ..Settings::default() };
    let mut sampler = Sampler::new(penalised, 3).unwrap();
    let error = sampler.sample(&[0.0; 3], &[0, 3]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot apply penalties: previous token 3 does not exist\n  the vocabulary has 3 tokens"
    );
    assert!(Sampler::new(Settings::default(), 3).unwrap().sample(&[0.0; 3], &[0, 3]).is_ok());
}

#[test]
fn a_penalty_that_overflows_names_its_stage() {
    let settings = Settings { repetition_penalty: 1e-300, ..Settings::default() };
    let error = Sampler::new(settings, 2).unwrap().sample(&[1e30, 0.0], &[0]).unwrap_err();
    assert!(error.to_string().starts_with("cannot sample: stage penalties made the logit of token 0 inf\n"));
}

struct Set(f64);

impl Stage for Set {
    fn name(&self) -> &str {
        "set"
    }

    fn apply(&mut self, candidates: &mut Candidates, context: &Context<'_>) -> sukashi::Result<()> {
        for id in 0..context.vocab_size as u32 {
            candidates.set_logit(id, self.0);
        }
        Ok(())
    }
}

#[test]
fn a_stage_that_breaks_or_removes_everything_is_named() {
    for (logit, message) in [
        (f64::NAN, "cannot sample: stage set made the logit of token 0 NaN\n"),
        (f64::INFINITY, "cannot sample: stage set made the logit of token 0 inf\n"),
        (f64::NEG_INFINITY, "cannot sample: stage set removed every token\n"),
    ] {
        let mut sampler = Sampler::new(Settings::default(), 3).unwrap().with_stage(Set(logit));
        let error = sampler.sample(&[0.0; 3], &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Computation);
        assert!(error.to_string().starts_with(message), "{error}");
    }
}
