//! Every shape of products gives the goldens, and a tuned model the logits of an untuned one.

use std::time::{Duration, Instant};

use sukashi::kernels::{Fusion, GemvShape, Prefill};
use sukashi::tuning::{Tuning, tune, tune_fusion, tune_prefill};
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
            hold_with(&name, &device, &shape.to_string());
        }
    }
}

#[test]
fn goldens_hold_with_every_fusion() {
    for (name, device) in devices() {
        if !matches!(device, Device::Cpu | Device::Twins) {
            for fusion in Fusion::ALL {
                hold_with(&name, &device, &format!("fusion:{fusion}"));
            }
        }
    }
}

#[test]
fn goldens_hold_with_every_kernel_of_prompts() {
    for (name, device) in devices() {
        for prefill in Prefill::ALL {
            let variant = format!("prefill:{prefill}");
            if matches!(device, Device::Cpu | Device::Twins) {
                Tuning::forced(&variant).unwrap().check(&device).unwrap();
            } else if prefill.runs_on(&device) {
                hold_with(&name, &device, &variant);
            } else {
                skip(format_args!("{prefill} on {name}"));
                let error = Tuning::forced(&variant).unwrap().check(&device).unwrap_err().to_string();
                assert!(error.contains(&format!("cannot run {prefill}")), "{error}");
            }
        }
    }
}
use crate::skip::skip;

fn hold_with(name: &str, device: &Device, variant: &str) {
    device.set_tuning(Tuning::forced(variant).unwrap());
    for golden in ["gpt2-tiny", "llama-odd", "gemma3-bf16"] {
        let folder = golden_folder(golden);
        let model = Model::load(device, &folder).unwrap();
        let label = format!("{golden} on {name} with {variant}");
        check(&label, &model, &Golden::open(&folder.join("golden.safetensors")));
    }
}

#[test]
fn what_is_no_variant_is_refused() {
    for bad in [
        "",
        "fusion",
        "fusion:",
        "fusion:some",
        "prefill:",
        "prefill:gemv",
        "gemm_shared",
        "gemv:64x32x1,",
        "gemv:64x32x1;fusion:all",
    ] {
        assert!(Tuning::forced(bad).is_err(), "{bad}");
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
        let mut tuning = pollster::block_on(tune(&device, &products, budget, &mut |_, _| {})).unwrap();
        assert!(tuning.covers(&products), "{name}");
        let prefill = pollster::block_on(tune_prefill(&device, &products, budget, &mut |_, _| {}));
        tuning.extend(prefill.unwrap());
        assert!(tuning.covers_prefill(&products), "{name}");
        device.set_tuning(tuning.clone());
        let fusion = pollster::block_on(tune_fusion(&model, Instant::now() + budget)).unwrap();
        tuning.set_fusion(&products, fusion);
        device.set_tuning(tuning);
        assert_close(&format!("{name}: tuned logits"), &logits(&model), &want, 2e-4);
    }
}
