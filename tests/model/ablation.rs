//! Models without some of their parts.

use sukashi::model::{Ablation, Capture, CaptureRequest};
use sukashi::{ErrorKind, Model, Session};

use crate::common::{Golden, devices, embedded, golden_folder, load};

fn capture(model: &Model, ids: &[u32]) -> Capture {
    let request = CaptureRequest::new(model.spec(), ["*"]).unwrap();
    pollster::block_on(Capture::run(model, ids, &request)).unwrap()
}

#[test]
fn a_head_that_is_left_out_brings_nothing() {
    for (device_name, device) in devices() {
        for name in ["gpt2-tiny", "gemma3-tiny", "gpt2-odd-7"] {
            let golden = Golden::open(&golden_folder(name).join("golden.safetensors"));
            let model = load(&device, &golden_folder(name));
            let (ids, spec) = (golden.ids("input_ids"), model.spec());
            let without = model.without(Ablation { heads: [(1, 1)].into(), mlps: [0].into() }).unwrap();
            let (all, some) = (capture(&model, &ids), capture(&without, &ids));
            let get = |capture: &Capture, name: &str| capture.get(name).unwrap().values.clone();
            let label = format!("{name} on {device_name}");

            // The values before the missing part are unchanged.
            assert_eq!(get(&all, "layers.0.attn.out"), get(&some, "layers.0.attn.out"), "{label}");
            assert!(get(&some, "layers.0.mlp.out").iter().all(|value| *value == 0.0), "{label}");
            let heads = get(&some, "layers.1.attn.heads");
            for (index, head) in heads.chunks(spec.head_dim).enumerate() {
                let is_zero = head.iter().all(|value| *value == 0.0);
                assert_eq!(is_zero, index % spec.num_heads == 1, "{label}: head {index}");
            }
            assert_ne!(get(&all, "logits"), get(&some, "logits"), "{label}");

            // A session leaves the same part out.
            let mut session = Session::new(&without).unwrap();
            let last = pollster::block_on(session.prefill(&ids)).unwrap();
            let logits = get(&some, "logits");
            for (got, want) in last.iter().zip(&logits[logits.len() - spec.vocab_size..]) {
                assert!((got - want).abs() < 1e-4, "{label}");
            }
        }
    }
}

#[test]
fn without_its_layers_a_model_says_what_its_embedding_says() {
    for (_, device) in devices() {
        let golden = Golden::open(&golden_folder("llama-tiny").join("golden.safetensors"));
        let model = load(&device, &golden_folder("llama-tiny"));
        let spec = model.spec();
        let layers = 0..spec.num_layers;
        let heads = layers.clone().flat_map(|layer| (0..spec.num_heads).map(move |head| (layer, head)));
        let ablation = Ablation { heads: heads.collect(), mlps: layers.collect() };
        let bare = capture(&model.without(ablation).unwrap(), &golden.ids("input_ids"));
        let get = |name: &str| &bare.get(name).unwrap().values;
        assert_eq!(get("embed"), get(&format!("layers.{}.resid", spec.num_layers - 1)));
        assert_eq!(get("embed.lens"), get("logits"));
    }
}

#[test]
fn what_a_model_does_not_have_cannot_be_left_out() {
    let model = embedded(&sukashi::Device::Cpu);
    for (ablation, expected) in [
        (Ablation { heads: [(6, 0)].into(), ..Ablation::default() }, "no layer 6\n  expected 0 to 5"),
        (Ablation { heads: [(0, 6)].into(), ..Ablation::default() }, "no head 6\n  expected 0 to 5"),
        (Ablation { mlps: [usize::MAX].into(), ..Ablation::default() }, "expected 0 to 5"),
    ] {
        let error = model.without(ablation).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(expected), "{error}");
    }
}
