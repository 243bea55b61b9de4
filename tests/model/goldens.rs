//! Compares hidden states by layer, attention, logits and a greedy transcript with every golden model.

use sukashi::model::{Capture, CaptureRequest, Window};
use sukashi::{Device, Model, Session};

use crate::common::{Golden, assert_close, devices, embedded, golden_folder, load, worst};

/// The error of f32 arithmetic over a few layers, compared with float64.
const LOGITS_ATOL: f32 = 2e-4;
const HIDDEN_ATOL: f32 = 1e-4;
const ATTENTION_ATOL: f32 = 1e-4;

const GPT2: [&str; 12] = [
    "gpt2-tiny",
    "gpt2-gelu",
    "gpt2-untied",
    "gpt2-odd-7",
    "gpt2-odd-5",
    "gpt2-f16",
    "gpt2-bf16",
    "gpt2-sharded",
    "gpt2-head-80",
    "gpt2-head-272",
    "gpt2-eps",
    "gpt2-mask-buffers",
];

const ROPE: [&str; 19] = [
    "gemma3-tiny",
    "llama-tiny",
    "qwen2-tiny",
    "qwen3-tiny",
    "llama-linear",
    "llama-llama3",
    "llama-bias",
    "llama-odd",
    "llama-f16",
    "llama-bf16",
    "mistral-window",
    "mistral-full",
    "qwen2-window",
    "qwen3-bias",
    "gemma3-softcap",
    "gemma3-new-config",
    "gemma3-multimodal",
    "gemma3-multimodal-new",
    "gemma3-bf16",
];

fn argmax(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best as u32
}

pub fn check(label: &str, model: &Model, golden: &Golden) {
    let ids = golden.ids("input_ids");
    let all = CaptureRequest::new(model.spec(), ["hidden_states", "attentions", "logits"]).unwrap();
    let capture = pollster::block_on(Capture::run(model, &ids, &all)).unwrap();
    let captured = |name: &str| &capture.get(name).unwrap().values;

    let want = golden.floats("hidden_states");
    let layer_size = ids.len() * model.spec().hidden_size;
    let hidden = captured("hidden_states");
    assert_eq!(hidden.len(), want.len());
    for (layer, (got, want)) in hidden.chunks(layer_size).zip(want.chunks(layer_size)).enumerate() {
        // The first layer that diverges shows where to look.
        assert_close(&format!("{label}: hidden state {layer}"), got, want, HIDDEN_ATOL);
    }
    assert_close(
        &format!("{label}: attentions"),
        captured("attentions"),
        &golden.floats("attentions"),
        ATTENTION_ATOL,
    );
    assert_close(&format!("{label}: logits"), captured("logits"), &golden.floats("logits"), LOGITS_ATOL);

    // A session reads the same prompt, and decodes greedily.
    let vocab_size = model.spec().vocab_size;
    let mut session = Session::new(model).unwrap();
    let want = golden.floats("logits");
    let mut last = pollster::block_on(session.prefill(&ids)).unwrap().to_vec();
    assert_close(&format!("{label}: prefill"), &last, &want[want.len() - vocab_size..], LOGITS_ATOL);
    for (step, want) in golden.ids("greedy_ids").into_iter().enumerate() {
        assert_eq!(argmax(&last), want, "{label}: greedy id {step}");
        last = pollster::block_on(session.decode(want)).unwrap().to_vec();
    }

    // A session that reads single tokens, or two halves, gives the same as one that reads all tokens at once.
    let whole = &want[want.len() - vocab_size..];
    session.reset();
    let mut logits = Vec::new();
    for &id in &ids {
        logits = pollster::block_on(session.decode(id)).unwrap().to_vec();
    }
    assert_close(&format!("{label}: one by one"), &logits, whole, LOGITS_ATOL);
    session.reset();
    pollster::block_on(session.prefill(&ids[..ids.len() / 2])).unwrap();
    let logits = pollster::block_on(session.prefill(&ids[ids.len() / 2..])).unwrap();
    assert_close(&format!("{label}: two halves"), logits, whole, LOGITS_ATOL);
}

fn check_all(names: &[&str]) {
    for (device_name, device) in devices() {
        for name in names {
            let model = load(&device, &golden_folder(name));
            let golden = Golden::open(&golden_folder(name).join("golden.safetensors"));
            check(&format!("{name} on {device_name}"), &model, &golden);
        }
    }
}

#[test]
fn gpt2_matches_pytorch() {
    check_all(&GPT2);
}

#[test]
fn models_with_rotary_positions_match_pytorch() {
    check_all(&ROPE);
}

#[test]
fn the_embedded_model_matches_pytorch() {
    let golden = Golden::open(&golden_folder("soseki-mini").join("golden.safetensors"));
    for (device_name, device) in devices() {
        let model = embedded(&device);
        check(&format!("soseki-mini on {device_name}"), &model, &golden);
    }
}

#[test]
fn an_exact_window_slides_by_one_past_the_context() {
    let golden = Golden::open(&golden_folder("soseki-mini").join("long_context.safetensors"));
    for (device_name, device) in devices() {
        let model = embedded(&device);
        let mut session = Session::new(&model).unwrap();
        session.set_window(Window::Exact);
        let mut logits = pollster::block_on(session.prefill(&golden.ids("input_ids"))).unwrap().to_vec();
        for (step, want) in golden.ids("greedy_ids").into_iter().enumerate() {
            assert_eq!(argmax(&logits), want, "{device_name}: greedy id {step}");
            logits = pollster::block_on(session.decode(want)).unwrap().to_vec();
        }
        assert!(session.num_dropped() > 0);
    }
}

#[test]
fn half_a_window_is_read_again_once_past_the_room() {
    const ROOM: usize = 12;
    for (device_name, device) in devices() {
        for golden in ["llama-tiny", "gemma3-tiny"] {
            let model = load(&device, &golden_folder(golden));
            let bos = model.spec().bos_token_id;
            for first in [bos.unwrap_or(3), bos.map_or(3, |bos| bos + 1)] {
                let mut text = vec![first];
                text.extend((0..ROOM as u32 - 1).map(|id| 7 + id));
                let mut session = Session::with_max_seq_len(&model, ROOM).unwrap();
                pollster::block_on(session.prefill(&text)).unwrap();
                let logits = pollster::block_on(session.decode(50)).unwrap().to_vec();

                let mut want = if bos == Some(first) { vec![first] } else { Vec::new() };
                want.extend_from_slice(&text[ROOM / 2..]);
                want.push(50);
                assert_eq!(session.ids(), want, "{golden} on {device_name}");
                assert_eq!(session.num_dropped(), ROOM + 1 - want.len());
                let mut fresh = Session::with_max_seq_len(&model, ROOM).unwrap();
                assert_eq!(
                    pollster::block_on(fresh.prefill(&want)).unwrap(),
                    logits,
                    "{golden} on {device_name}"
                );

                // The window has room until it is full again.
                for id in 0..(ROOM - want.len()) as u32 {
                    pollster::block_on(session.decode(id)).unwrap();
                    assert_eq!(session.num_dropped(), ROOM + 1 - want.len());
                }
                pollster::block_on(session.decode(9)).unwrap();
                assert!(session.num_dropped() > ROOM + 1 - want.len());
            }
        }
    }
}

#[test]
fn the_comparator_rejects_what_it_should() {
    let want = [1.0, 2.0, 3.0];
    assert!(worst(&[1.0, 2.0, 3.1], &want).0 > LOGITS_ATOL);
    assert_eq!(worst(&[1.0, f32::NAN, 3.0], &want), (f32::INFINITY, 1));
    assert!(std::panic::catch_unwind(|| worst(&[1.0, 2.0], &want)).is_err());
    assert!(
        std::panic::catch_unwind(|| assert_close("perturbed", &[1.0, 2.0, 3.001], &want, LOGITS_ATOL))
            .is_err()
    );
}

#[test]
fn a_wrong_epsilon_is_seen() {
    let folder = golden_folder("gpt2-eps");
    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(folder.join(file), copy.path().join(file)).unwrap();
    }
    let config = std::fs::read_to_string(copy.path().join("config.json")).unwrap();
    let config = config.replace("\"layer_norm_epsilon\": 0.001", "\"layer_norm_epsilon\": 1e-05");
    std::fs::write(copy.path().join("config.json"), config).unwrap();
    let golden = Golden::open(&folder.join("golden.safetensors"));
    let model = load(&Device::Cpu, copy.path());
    let request = CaptureRequest::new(model.spec(), ["logits"]).unwrap();
    let capture = pollster::block_on(Capture::run(&model, &golden.ids("input_ids"), &request)).unwrap();
    assert!(worst(&capture.get("logits").unwrap().values, &golden.floats("logits")).0 > 100.0 * LOGITS_ATOL);
}
