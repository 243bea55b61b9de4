//! A capture does not change results, and each point has the values that its name says.

use sukashi::model::{Capture, CaptureRequest, Point};
use sukashi::{Device, ErrorKind, Model, Session};

use crate::common::{self, Golden, assert_close, devices, embedded, golden_folder};

const MODELS: [&str; 4] = ["gpt2-tiny", "gemma3-tiny", "mistral-window", "qwen3-tiny"];

fn load(device: &Device, name: &str) -> (Model, Golden) {
    let golden = Golden::open(&golden_folder(name).join("golden.safetensors"));
    (common::load(device, &golden_folder(name)), golden)
}

fn capture(model: &Model, ids: &[u32], patterns: &[&str]) -> Capture {
    let request = CaptureRequest::new(model.spec(), patterns).unwrap();
    pollster::block_on(Capture::run(model, ids, &request)).unwrap()
}

fn values<'a>(capture: &'a Capture, name: &str) -> &'a [f32] {
    &capture.get(name).unwrap().values
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn capturing_changes_no_bit_of_the_logits() {
    for (device_name, device) in devices() {
        for name in MODELS {
            let (model, golden) = load(&device, name);
            let ids = golden.ids("input_ids");
            let alone = capture(&model, &ids, &["logits"]);
            let all = capture(&model, &ids, &["*", "hidden_states", "attentions"]);
            let label = format!("{name} on {device_name}");
            assert_eq!(bits(values(&alone, "logits")), bits(values(&all, "logits")), "{label}");

            let everything = CaptureRequest::new(model.spec(), ["*"]).unwrap();
            let mut plain = Session::with_max_seq_len(&model, 64).unwrap();
            let mut watched = Session::capturing(&model, 64, everything).unwrap();
            let (prompt, rest) = ids.split_at(ids.len() - 2);
            let want = bits(pollster::block_on(plain.prefill(prompt)).unwrap());
            assert_eq!(bits(pollster::block_on(watched.prefill(prompt)).unwrap()), want, "{label}: prefill");
            for &id in rest {
                let want = bits(pollster::block_on(plain.decode(id)).unwrap());
                assert_eq!(bits(pollster::block_on(watched.decode(id)).unwrap()), want, "{label}: decode");
            }
        }
    }
}

#[test]
fn points_are_those_of_the_reference() {
    const ATOL: f32 = 1e-4;
    for (device_name, device) in devices() {
        for name in MODELS {
            let (model, golden) = load(&device, name);
            let (ids, spec) = (golden.ids("input_ids"), model.spec());
            let all = capture(&model, &ids, &["*"]);
            let label = |point: &str| format!("{name} on {device_name}: {point}");
            let size = ids.len() * spec.hidden_size;
            let hidden = golden.floats("hidden_states");
            let hidden: Vec<&[f32]> = hidden.chunks(size).collect();
            assert_close(&label("embed"), values(&all, "embed"), hidden[0], ATOL);
            assert_close(&label("final_norm"), values(&all, "final_norm"), hidden[spec.num_layers], ATOL);
            let attentions = golden.floats("attentions");
            let mut before = values(&all, "embed").to_vec();
            for layer in 0..spec.num_layers {
                let at = |part: &str| format!("layers.{layer}.{part}");
                let resid = values(&all, &at("resid"));
                if layer + 1 < spec.num_layers {
                    assert_close(&label(&at("resid")), resid, hidden[layer + 1], ATOL);
                }
                // A layer adds the sum of its parts to the residual stream.
                let parts = values(&all, &at("attn.out")).iter().zip(values(&all, &at("mlp.out")));
                let sum: Vec<f32> = before.iter().zip(parts).map(|(x, (attn, mlp))| x + attn + mlp).collect();
                assert_close(&label(&at("attn.out + mlp.out")), resid, &sum, 1e-5);
                before = resid.to_vec();

                let probs = values(&all, &at("attn.probs"));
                let want = &attentions[layer * probs.len()..][..probs.len()];
                assert_close(&label(&at("attn.probs")), probs, want, ATOL);
                check_heads(&label(&at("attn.heads")), &all, &model, layer);
            }
            let last = format!("layers.{}.lens", spec.num_layers - 1);
            assert_eq!(bits(values(&all, &last)), bits(values(&all, "logits")));
            for (tensor, point) in all.tensors.iter().zip(Point::all(spec)) {
                assert_eq!(tensor.name, point.to_string());
                assert_eq!(tensor.shape, point.shape(spec, ids.len(), ids.len()));
            }
        }
    }
}

/// The heads' outputs are the averages of the values by the attention weights, and the weights follow from queries and
/// keys.
fn check_heads(label: &str, all: &Capture, model: &Model, layer: usize) {
    let (spec, num_tokens) = (model.spec(), all.input_ids.len());
    let at = |part: &str| values(all, &format!("layers.{layer}.attn.{part}"));
    let (q, k, v, probs, heads) = (at("q"), at("k"), at("v"), at("probs"), at("heads"));
    let width = spec.head_dim;
    let mut want = Vec::with_capacity(heads.len());
    for token in 0..num_tokens {
        for head in 0..spec.num_heads {
            let kv_head = head / (spec.num_heads / spec.num_kv_heads);
            let key = |j: usize| (j * spec.num_kv_heads + kv_head) * width;
            let row = &probs[(head * num_tokens + token) * num_tokens..][..num_tokens];
            for channel in 0..width {
                want.push(row.iter().enumerate().map(|(j, prob)| prob * v[key(j) + channel]).sum());
            }
            if spec.attention_softcap.is_none() && token > 0 {
                let score = |j: usize| -> f32 {
                    let q = &q[(token * spec.num_heads + head) * width..][..width];
                    let k = &k[key(j)..][..width];
                    q.iter().zip(k).map(|(q, k)| q * k).sum::<f32>() * spec.layers[layer].attention_scale
                };
                let ratio = row[token] / row[token - 1];
                let wanted = (score(token) - score(token - 1)).exp();
                // If a window of one hides the token before, the ratio is undefined.
                assert!(
                    row[token - 1] == 0.0 || (ratio / wanted - 1.0).abs() < 1e-3,
                    "{label}: {ratio}, {wanted}"
                );
            }
        }
    }
    assert_close(label, heads, &want, 1e-4);
}

#[test]
fn some_positions_are_rows_of_all() {
    for (device_name, device) in devices() {
        let (model, golden) = load(&device, "gemma3-tiny");
        let (ids, spec) = (golden.ids("input_ids"), model.spec());
        let patterns = ["*", "hidden_states"];
        let all = capture(&model, &ids, &patterns);
        let wanted = [1, 2, 5, ids.len() - 2];
        let request = CaptureRequest::new(spec, patterns).unwrap().at(wanted);
        let some = pollster::block_on(Capture::run(&model, &ids, &request)).unwrap();
        assert_eq!(some.positions, wanted);
        for (whole, part) in all.tensors.iter().zip(&some.tensors) {
            let axis = whole.shape.iter().zip(&part.shape).position(|(a, b)| a != b).unwrap();
            let row: usize = whole.shape[axis + 1..].iter().product();
            let blocks = whole.values.chunks_exact(row * ids.len());
            let want: Vec<f32> = blocks
                .flat_map(|block| wanted.iter().flat_map(|&at| &block[at * row..][..row]))
                .copied()
                .collect();
            assert_eq!(bits(&part.values), bits(&want), "{} on {device_name}", whole.name);
        }
    }
}

#[test]
fn long_texts_go_in_batches() {
    let device = Device::Cpu;
    let model = embedded(&device);
    let ids: Vec<u32> = (0..200).map(|index| 3 + index * 7 % 2000).collect();
    let whole = capture(&model, &ids, &["layers.1.attn.probs", "logits", "layers.0.attn.k"]);
    // The first tokens do not depend on the length of the sequence.
    let start = capture(&model, &ids[..70], &["logits", "layers.0.attn.k"]);
    for name in ["logits", "layers.0.attn.k"] {
        let part = values(&start, name);
        assert_eq!(bits(&values(&whole, name)[..part.len()]), bits(part), "{name}");
    }
    for row in values(&whole, "layers.1.attn.probs").chunks(200) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_session_has_the_rows_of_its_last_call() {
    for (device_name, device) in devices() {
        let (model, golden) = load(&device, "gemma3-tiny");
        let ids = golden.ids("input_ids");
        let patterns = ["layers.*.resid", "layers.0.attn.probs", "logits"];
        let all = capture(&model, &ids, &patterns);
        let request = CaptureRequest::new(model.spec(), patterns).unwrap();
        let mut session = Session::capturing(&model, ids.len(), request).unwrap();
        pollster::block_on(session.prefill(&ids[..ids.len() - 1])).unwrap();
        assert_eq!(session.capture().unwrap().positions.len(), ids.len() - 1);
        pollster::block_on(session.decode(ids[ids.len() - 1])).unwrap();
        let last = session.capture().unwrap();
        assert_eq!((last.input_ids.as_slice(), last.positions.as_slice()), (&ids[..], &[ids.len() - 1][..]));
        for name in ["layers.0.resid", "logits"] {
            let (got, all) = (values(last, name), values(&all, name));
            let label = format!("{name} on {device_name}");
            assert_close(&label, got, &all[all.len() - got.len()..], 1e-4);
        }
        let probs = last.get("layers.0.attn.probs").unwrap();
        assert_eq!(probs.shape, [model.spec().num_heads, 1, ids.len()]);
    }
}

#[test]
fn what_is_not_there_is_refused() {
    let (model, golden) = load(&Device::Cpu, "gpt2-tiny");
    let num_layers = model.spec().num_layers;
    let past = format!("layers.{num_layers}.resid");
    for pattern in ["", "logit", "layers.0", &past, "layers.*.attn.q.*", "hidden_state"] {
        let error = CaptureRequest::new(model.spec(), [pattern]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{pattern}");
        let message = error.to_string();
        assert!(message.contains("layers.N.attn.probs"), "{message}");
        assert!(message.contains(&format!("layers 0 to {}", num_layers - 1)), "{message}");
    }
    let ids = golden.ids("input_ids");
    let request = CaptureRequest::new(model.spec(), ["embed"]).unwrap().at([ids.len()]);
    let error = pollster::block_on(Capture::run(&model, &ids, &request)).unwrap_err();
    assert!(error.to_string().contains(&format!("0 to {}", ids.len() - 1)), "{error}");
}
