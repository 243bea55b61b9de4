//! Every shape of products gives the goldens, and a tuned model the logits of an untuned one.

use std::time::Duration;

use sukashi::kernels::GemvShape;
use sukashi::tuning::{Tuning, tune};
use sukashi::{Device, Model, Session};

use crate::common::{Golden, assert_close, devices, golden_folder};
use crate::goldens::check;

#[test]
fn goldens_hold_with_every_shape() {
    for (name, device) in devices() {
        // The default is what all other tests run; neighbours in the list differ in little.
        let shapes = GemvShape::candidates(&device).into_iter().skip(1).step_by(4);
        for shape in shapes.chain(GemvShape::ALL) {
            if matches!(device, Device::Cpu | Device::Twins) || !device.runs(shape.kernel()) {
                continue;
            }
            device.set_tuning(Tuning::forced(shape));
            for golden in ["gpt2-tiny", "llama-odd", "gemma3-bf16"] {
                let folder = golden_folder(golden);
                let model = Model::load(&device, &folder).unwrap();
                let label = format!("{golden} on {name} with {shape}");
                check(&label, &model, &Golden::open(&folder.join("golden.safetensors")));
            }
        }
    }
}

#[test]
fn a_tuned_model_gives_the_same_logits() {
    for (name, device) in devices() {
        let model = Model::embedded(&device).unwrap();
        let ids: Vec<u32> = (0..40).map(|index| index * 53 % 2948).collect();
        let logits = |model: &Model| {
            let mut session = Session::with_max_seq_len(model, 64).unwrap();
            pollster::block_on(session.prefill(&ids)).unwrap();
            pollster::block_on(session.decode(577)).unwrap().to_vec()
        };
        let want = logits(&model);
        let products = model.products();
        let budget = Duration::from_secs(300);
        let tuning = pollster::block_on(tune(&device, &products, budget, &mut |_, _| {})).unwrap();
        assert!(tuning.covers(&products), "{name}");
        device.set_tuning(tuning);
        assert_close(&format!("{name}: tuned logits"), &logits(&model), &want, 2e-4);
    }
}
