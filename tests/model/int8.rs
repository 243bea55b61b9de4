//! Activations rounded to eight bits: where they are, where they are not, and what they change.

use sukashi::kernels::{Fusion, GemvShape, Int8Shapes};
use sukashi::model::{Ablation, CaptureRequest};
use sukashi::tuning::{Quality, Tuning};
use sukashi::{Device, Model, Session};

use crate::common::{Golden, assert_close, devices, golden_folder, worst};
use crate::gguf_models::convert;

/// A golden whose matrices are Q8_0, and tokens to read.
fn of_quants(device: &Device, name: &str, architecture: &str) -> (Model, Vec<u32>) {
    let folder = golden_folder(name);
    let mut file = convert(&folder, architecture);
    for tensor in &mut file.tensors {
        if tensor.dimensions.len() == 2 && tensor.dimensions[0].is_multiple_of(32) {
            *tensor = tensor.to_q8_0();
        }
    }
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("model.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    let ids = Golden::open(&folder.join("golden.safetensors")).ids("input_ids");
    (Model::load(device, &path).unwrap(), ids)
}

/// Every shape that a device can run, of those that differ.
fn shapes(device: &Device) -> Vec<GemvShape> {
    let rows = GemvShape { shares_x: true, ..GemvShape::new(32, 1, 4) };
    let shapes = [GemvShape::GPU, GemvShape::SOFTWARE, rows].map(|shape| GemvShape { int8: true, ..shape });
    shapes.into_iter().filter(|shape| device.runs(shape.kernel())).collect()
}

/// The logits after each token, decoded.
fn decoded(session: &mut Session, ids: &[u32]) -> Vec<f32> {
    let mut logits = Vec::new();
    for &id in ids {
        logits.extend_from_slice(pollster::block_on(session.decode(id)).unwrap());
    }
    logits
}

#[test]
fn rounding_changes_little_and_the_same_everywhere() {
    for (name, architecture) in [("gemma3-tiny", "gemma3"), ("llama-tiny", "llama")] {
        let (twin, ids) = of_quants(&Device::Twins, name, architecture);
        let rounded =
            twin.with_int8(Int8Shapes::of(&twin.products(), GemvShape { int8: true, ..GemvShape::GPU }));
        let exact = decoded(&mut Session::with_max_seq_len(&twin, 64).unwrap(), &ids);
        let want = decoded(&mut Session::with_max_seq_len(&rounded, 64).unwrap(), &ids);
        let largest = exact.iter().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
        let (off, _) = worst(&want, &exact);
        assert!(off > 1e-4 * largest && off < 0.05 * largest, "{name}: {off} of {largest}");
        for (device_name, device) in devices() {
            let (model, _) = of_quants(&device, name, architecture);
            for shape in shapes(&device) {
                let rounded = model.with_int8(Int8Shapes::of(&model.products(), shape));
                for fusion in Fusion::ALL {
                    let mut session = Session::with_fusion(&rounded, 64, None, fusion).unwrap();
                    assert!(session.rounds_activations());
                    // A number next to the middle of two bytes may become either, and what follows goes on from that: as far
                    // apart as rounding itself takes the logits.
                    let label = format!("{name} on {device_name} in {shape}, {fusion}");
                    assert_close(&label, &decoded(&mut session, &ids), &want, 0.05 * largest);
                }
            }
        }
    }
}

#[test]
fn only_who_asks_gets_rounded_activations() {
    for (name, device) in devices() {
        let (model, ids) = of_quants(&device, "gemma3-tiny", "gemma3");
        let [shape, ..] = shapes(&device)[..] else { panic!("{name}: no shape") };
        let rounded = model.with_int8(Int8Shapes::of(&model.products(), shape));
        assert!(rounded.int8().is_some() && model.int8().is_none());
        assert!(!Session::new(&model).unwrap().rounds_activations());
        // Whoever captures sees what the model computes.
        let request = || CaptureRequest::new(model.spec(), ["*"]).unwrap();
        let of = |model: &Model| decoded(&mut Session::capturing(model, 64, request()).unwrap(), &ids);
        let bits = |logits: Vec<f32>| logits.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(of(&rounded)), bits(of(&model)), "{name}");
        // Nothing to round is no rounding; a part that is left out changes nothing in what is.
        assert!(model.with_int8(Int8Shapes::default()).int8().is_none());
        let without = rounded.without(Ablation { mlps: [0].into(), ..Ablation::default() }).unwrap();
        assert_eq!(without.int8(), rounded.int8());
        if matches!(device, Device::Cpu | Device::Twins) {
            continue;
        }
        // A variant that is forced is for who asks, too, and leaves other products their shapes.
        device.set_tuning(Tuning::forced(&format!("{},{shape}", GemvShape::SOFTWARE)).unwrap());
        assert!(!Session::new(&model).unwrap().rounds_activations());
        assert!(Session::new(&model.as_tuned().unwrap()).unwrap().rounds_activations());
        // What is kept is for these weights alone.
        let mut tuning = Tuning::default();
        tuning.set_int8(&model, Int8Shapes::of(&model.products(), shape)).unwrap();
        device.set_tuning(tuning.clone());
        assert_eq!(model.as_tuned().unwrap().int8(), rounded.int8(), "{name}");
        let (other, _) = of_quants(&device, "llama-tiny", "llama");
        assert!(other.as_tuned().unwrap().int8().is_none(), "{name}");
        tuning.set_int8(&model, Int8Shapes::default()).unwrap();
        device.set_tuning(tuning);
        assert!(model.as_tuned().unwrap().int8().is_none(), "{name}");
    }
}

#[test]
fn a_damaged_model_fails_the_gate() {
    let model = Model::embedded(&Device::Cpu).unwrap();
    let ids = Quality::ids(&model).unwrap();
    assert_eq!(ids.len(), 128, "the Japanese text alone");
    let compare = |tested: &Model| {
        let sessions = [&model, tested].map(|model| Session::with_max_seq_len(model, ids.len()).unwrap());
        let [mut reference, mut tested] = sessions;
        pollster::block_on(Quality::compare(&mut reference, &mut tested, &ids, &mut |_, _| {})).unwrap()
    };
    let same = compare(&model);
    assert_eq!((same.num_tokens, same.top1_agreement, same.max_kl), (128, 1.0, 0.0));
    assert!(same.passes());
    let damaged = model.without(Ablation { mlps: [3].into(), ..Ablation::default() }).unwrap();
    let damaged = compare(&damaged);
    assert!(!damaged.passes() && damaged.mean_kl > 0.01, "{damaged:?}");
    assert!(damaged.tested_perplexity > same.tested_perplexity);

    let mut session = Session::with_max_seq_len(&model, 8).unwrap();
    let mut other = Session::with_max_seq_len(&model, 8).unwrap();
    for wrong in [&[][..], &ids[..9]] {
        let compared = pollster::block_on(Quality::compare(&mut session, &mut other, wrong, &mut |_, _| {}));
        assert!(compared.is_err());
    }
}
