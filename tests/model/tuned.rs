//! Every shape of products gives the goldens, and a tuned model gives the logits of an untuned one.

use std::time::{Duration, Instant};

use sukashi::kernels::{Choices, Fusion, GemmKernel, GemvShape};
use sukashi::tuning::{Tuning, tune, tune_fusion, tune_gemm};
use sukashi::{Device, Model, Session};

use crate::common::{Golden, assert_close, devices, embedded, golden_folder, load};
use crate::goldens::check;

#[test]
fn goldens_hold_with_every_shape() {
    for (name, device) in devices() {
        // All other tests run the default. Neighbours in the list differ little.
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
        for kernel in GemmKernel::ALL {
            let variant = format!("prefill:{kernel}");
            if matches!(device, Device::Cpu | Device::Twins) {
                Choices::forced(&device, &variant).unwrap();
            } else if kernel.runs_on(&device) {
                hold_with(&name, &device, &variant);
            } else {
                skip(format_args!("{kernel} on {name}"));
                let error = Choices::forced(&device, &variant).unwrap_err().to_string();
                assert!(error.contains(&format!("cannot run {kernel}")), "{error}");
            }
        }
    }
}
use crate::skip::skip;

fn hold_with(name: &str, device: &Device, variant: &str) {
    let choices = Choices::forced(device, variant).unwrap();
    for golden in ["gpt2-tiny", "llama-odd", "gemma3-bf16"] {
        let folder = golden_folder(golden);
        let model = load(device, &folder).with_choices(choices.clone()).unwrap();
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
        assert!(Choices::forced(&Device::Cpu, bad).is_err(), "{bad}");
    }
}

#[test]
fn a_tuned_model_gives_the_same_logits() {
    for (name, device) in devices() {
        let model = embedded(&device);
        let ids: Vec<u32> = (0..40).map(|index| index * 53 % 2948).collect();
        let logits = |model: &Model| {
            let mut session = Session::with_max_seq_len(model, 64).unwrap();
            pollster::block_on(session.prefill(&ids)).unwrap();
            pollster::block_on(session.decode(577)).unwrap().to_vec()
        };
        let want = logits(&model);
        let products = model.matmul_shapes();
        let budget = Duration::from_secs(300);
        let mut tuning = pollster::block_on(tune(&device, &products, budget, &mut |_, _| {})).unwrap();
        assert!(tuning.covers(&products), "{name}");
        let kernel = pollster::block_on(tune_gemm(&device, &products, budget, &mut |_, _| {}));
        tuning.extend(kernel.unwrap());
        assert!(tuning.covers_gemm(&products), "{name}");
        let tuned = |tuning: &Tuning| model.with_choices(tuning.choices(&device, &products)).unwrap();
        let fusion = pollster::block_on(tune_fusion(&tuned(&tuning), Instant::now() + budget)).unwrap();
        tuning.set_fusion(&products, fusion);
        assert_close(&format!("{name}: tuned logits"), &logits(&tuned(&tuning)), &want, 2e-4);
    }
}
