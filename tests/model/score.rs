//! Compares scores and logit lenses with the logits of the reference implementation.

use sukashi::model::{self, Ablation, Capture, CaptureRequest};
use sukashi::trace::{Attention, Lens, Record, Score};
use sukashi::{Device, ErrorKind, Model};

use crate::common::{Golden, devices, embedded, golden_folder, load};

const MODELS: [&str; 4] = ["gpt2-tiny", "gemma3-softcap", "llama-odd", "qwen3-tiny"];

/// The definitions of `ln p` of each id, the rank of one, and the entropy in bits.
fn reference(logits: &[f32]) -> (Vec<f64>, impl Fn(usize) -> usize + use<>, f64) {
    let logits: Vec<f64> = logits.iter().map(|logit| f64::from(*logit)).collect();
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    let log_probs: Vec<f64> = logits.iter().map(|logit| logit - sum.ln()).collect();
    let entropy = -log_probs.iter().map(|log_prob| log_prob.exp() * log_prob.log2_of_e()).sum::<f64>();
    (log_probs, move |id| 1 + logits.iter().filter(|logit| **logit > logits[id]).count(), entropy)
}

trait Log2 {
    fn log2_of_e(self) -> f64;
}

impl Log2 for f64 {
    fn log2_of_e(self) -> f64 {
        self * std::f64::consts::LOG2_E
    }
}

fn score(model: &Model, ids: &[u32]) -> Score {
    pollster::block_on(model::score(model, ids, &mut |_, _| {})).unwrap()
}

#[test]
fn scores_are_those_of_the_reference() {
    /// Twice the largest error of a logit.
    const ATOL: f64 = 4e-4;
    for (device_name, device) in devices() {
        for name in MODELS {
            let golden = Golden::open(&golden_folder(name).join("golden.safetensors"));
            let model = load(&device, &golden_folder(name));
            let (ids, logits) = (golden.ids("input_ids"), golden.floats("logits"));
            let score = score(&model, &ids);
            score.validate().unwrap();
            let mut total = 0.0;
            for (position, token) in score.tokens.iter().enumerate().skip(1) {
                let label = format!("{name} on {device_name}: token {position}");
                let row = &logits[(position - 1) * score.vocab_size..][..score.vocab_size];
                let (log_probs, rank, entropy) = reference(row);
                let got = token.prediction.unwrap();
                let want = log_probs[ids[position] as usize];
                assert!((got.log_prob - want).abs() < ATOL, "{label}: {} for {want}", got.log_prob);
                assert!((got.prob - want.exp()).abs() < ATOL, "{label}");
                assert_eq!(got.rank, rank(ids[position] as usize), "{label}");
                assert!((got.entropy_bits - entropy).abs() < 10.0 * ATOL, "{label}");
                total += want;
            }
            let totals = score.totals;
            let count = (ids.len() - 1) as f64;
            assert_eq!(totals.num_tokens, ids.len() - 1);
            assert!((totals.log_prob - total).abs() < ATOL * count);
            assert!(
                (totals.perplexity.unwrap() - (-total / count).exp()).abs() < 1e-3 * (-total / count).exp()
            );
            assert!((totals.bits_per_token.unwrap() + total.log2_of_e() / count).abs() < 2.0 * ATOL);
        }
    }
}

#[test]
fn long_texts_are_scored_in_batches() {
    let model = embedded(&Device::Cpu);
    let ids: Vec<u32> = (0..200).map(|index| 3 + index * 7 % 2000).collect();
    let (whole, start) = (score(&model, &ids), score(&model, &ids[..100]));
    assert_eq!(whole.tokens[..100], start.tokens[..]);
    assert_eq!(whole.totals.num_characters, 199);
    let one = score(&model, &ids[..1]);
    assert_eq!((one.totals.num_tokens, one.totals.perplexity), (0, None));
    one.validate().unwrap();
}

#[test]
fn the_lens_is_what_a_shorter_model_says() {
    for (device_name, device) in devices() {
        // These models have no biases. The biases of attention and of the feed-forward layer stay when all heads are
        // left out.
        for name in ["gemma3-tiny", "llama-odd"] {
            let golden = Golden::open(&golden_folder(name).join("golden.safetensors"));
            let model = load(&device, &golden_folder(name));
            let (ids, spec) = (golden.ids("input_ids"), model.spec());
            let positions = [0, 2, ids.len() - 1];
            let lens = pollster::block_on(model::lens(&model, &ids, &positions, &mut |_, _| {})).unwrap();
            lens.validate().unwrap();
            let request = CaptureRequest::new(spec, ["logits"]).unwrap();
            let logits = |model: &Model| {
                let capture = pollster::block_on(Capture::run(model, &ids, &request)).unwrap();
                capture.get("logits").unwrap().values.clone()
            };
            let last = logits(&model);
            for (depth, layer) in lens.layers.iter().enumerate() {
                let rest = depth..spec.num_layers;
                let heads = rest.clone().flat_map(|layer| (0..spec.num_heads).map(move |head| (layer, head)));
                let ablation = Ablation { heads: heads.collect(), mlps: rest.collect() };
                let shorter = logits(&model.without(ablation).unwrap());
                for (cell, &position) in layer.cells.iter().zip(&positions) {
                    let label = format!("{name} on {device_name}: {} at {position}", layer.point);
                    let row =
                        |logits: &[f32]| logits[position * spec.vocab_size..][..spec.vocab_size].to_vec();
                    let (log_probs, rank, entropy) = reference(&row(&shorter));
                    let (finals, final_rank, _) = reference(&row(&last));
                    assert_eq!(rank(cell.token.id as usize), 1, "{label}");
                    assert!((cell.prob - log_probs[cell.token.id as usize].exp()).abs() < 1e-6, "{label}");
                    assert!((cell.entropy_bits - entropy).abs() < 1e-5, "{label}");
                    let best = (0..finals.len()).find(|id| final_rank(*id) == 1).unwrap();
                    assert_eq!(cell.rank, rank(best), "{label}");
                    let kl: f64 = finals.iter().zip(&log_probs).map(|(p, q)| p.exp() * (p - q)).sum();
                    assert!((cell.kl_bits - kl.log2_of_e()).abs() < 1e-5, "{label}: {}, {kl}", cell.kl_bits);
                }
            }
            assert!(
                lens.layers[spec.num_layers].cells.iter().all(|cell| cell.rank == 1 && cell.kl_bits == 0.0)
            );
        }
    }
}

#[test]
fn records_read_back_and_are_checked() {
    let model = embedded(&Device::Cpu);
    let ids = model.encode("吾輩は猫である。").unwrap();
    let score = score(&model, &ids);
    assert_eq!(Score::from_json(&score.to_json().unwrap()).unwrap(), score);
    assert_eq!(Score::from_jsonl(&score.to_jsonl().unwrap()).unwrap(), score);
    let attention = pollster::block_on(model::attention(&model, &ids, 3, None)).unwrap();
    assert_eq!(Attention::from_json(&attention.to_json().unwrap()).unwrap(), attention);
    let lens = pollster::block_on(model::lens(&model, &ids, &[], &mut |_, _| {})).unwrap();
    assert_eq!(Lens::from_json(&lens.to_json().unwrap()).unwrap(), lens);

    fn refused<R: Record + std::fmt::Debug>(
        record: &R,
        change: impl Fn(&mut serde_json::Value),
        expected: &str,
    ) {
        let mut json = serde_json::to_value(record).unwrap();
        change(&mut json);
        let error = R::from_json(&json.to_string()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(expected), "{error}");
    }
    refused(&score, |json| json["schema"] = "sukashi.trace/1".into(), "sukashi.score/1");
    refused(&score, |json| _ = json.as_object_mut().unwrap().remove("schema"), "no field `schema`");
    refused(&score, |json| json["tokens"] = serde_json::json!([]), "at least one token");
    refused(&score, |json| json["tokens"][2]["prediction"]["prob"] = 1.5.into(), "tokens[2].prediction.prob");
    refused(&score, |json| json["tokens"][2]["prediction"]["rank"] = 0.into(), "from 1 to 2948");
    refused(&score, |json| json["tokens"][2]["prediction"]["log_prob"] = 0.5.into(), "log_prob");
    refused(&score, |json| json["totals"]["log_prob"] = (-1.0).into(), "totals.log_prob");
    refused(
        &score,
        |json| _ = json["tokens"][0].as_object_mut().unwrap().remove("id"),
        "the field id is missing",
    );
    refused(&attention, |json| json["heads"][1]["weights"][2] = serde_json::json!([1.0]), "3 weights");
    refused(&attention, |json| json["heads"][1]["weights"][0] = serde_json::json!([0.5]), "make 1");
    refused(&attention, |json| json["heads"][0]["weights"] = serde_json::json!([]), "each of 8 tokens");
    refused(&attention, |json| json["heads"][0]["layer"] = 6.into(), "below 6");
    refused(&lens, |json| json["positions"] = serde_json::json!([]), "rising positions below 8");
    refused(&lens, |json| json["positions"][7] = 8.into(), "rising positions below 8");
    refused(&lens, |json| json["layers"][1]["cells"] = serde_json::json!([]), "each of 8 positions");
    refused(&lens, |json| json["layers"][1]["cells"][0]["kl_bits"] = (-1.0).into(), "cells[0].kl_bits");
    refused(&lens, |json| json["layers"] = serde_json::json!([]), "at least one layer");
}

#[test]
fn what_is_past_the_model_or_the_text_is_refused() {
    let model = embedded(&Device::Cpu);
    let ids = model.encode("猫である").unwrap();
    let message = |error: sukashi::Error| {
        assert_eq!(error.kind(), ErrorKind::Input);
        error.to_string()
    };
    let attention =
        |layer, head| message(pollster::block_on(model::attention(&model, &ids, layer, head)).unwrap_err());
    assert!(
        attention(6, None).contains("expected 0 to 5") && attention(0, Some(6)).contains("expected 0 to 5")
    );
    let lens = pollster::block_on(model::lens(&model, &ids, &[4], &mut |_, _| {}));
    assert!(message(lens.unwrap_err()).contains("position from 0 to 3"));
    for ids in [&[][..], &[9999], &[1; 257]] {
        message(pollster::block_on(model::score(&model, ids, &mut |_, _| {})).unwrap_err());
        message(pollster::block_on(model::lens(&model, ids, &[], &mut |_, _| {})).unwrap_err());
    }
}
