//! Faults of devices, several users of one device, and devices with low limits.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod adapters;
#[path = "model/common.rs"]
#[allow(dead_code, reason = "written for the model's tests")]
mod common;
#[path = "skip/mod.rs"]
mod skip;

use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

use adapters::{device, gpus, name};
use common::{Golden, assert_close, golden_folder};
use sukashi::device::Tensor;
use sukashi::model::{Capture, CaptureRequest};
use sukashi::{Device, ErrorKind, Gpu, Model, Session};

const LOGITS_ATOL: f32 = 2e-4;

/// Fails if `work` hangs.
fn within_a_minute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || sender.send(work()).unwrap());
    let result = receiver.recv_timeout(Duration::from_secs(60));
    if matches!(result, Err(mpsc::RecvTimeoutError::Timeout)) {
        panic!("nothing came back within a minute");
    }
    thread.join().unwrap();
    result.unwrap()
}

fn session(gpu: &Gpu) -> Session {
    Session::new(&Model::embedded(&device(gpu)).unwrap()).unwrap()
}

#[test]
fn a_device_lost_while_idle_is_an_error() {
    for gpu in gpus() {
        within_a_minute(move || {
            let mut session = session(&gpu);
            pollster::block_on(session.prefill(&[1, 2, 3])).unwrap();
            gpu.destroy();
            for _ in 0..2 {
                let error = pollster::block_on(session.decode(4)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::DeviceLost, "{}: {error:?}", name(&gpu));
                assert_eq!(error.exit_code(), 1);
            }
            let error = Tensor::zeros(&device(&gpu), "x", 1, 1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeviceLost);
            let error = Model::embedded(&device(&gpu)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeviceLost);
            let error = Session::new(session.model()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeviceLost);
        });
    }
}

#[test]
fn a_device_lost_while_decoding_is_an_error() {
    // The device is lost at different moments: while the host records, waits, or reads back.
    for delay_ms in [0, 3, 20, 50] {
        for gpu in gpus() {
            let error = within_a_minute(move || {
                let mut session = session(&gpu);
                let (started, start) = mpsc::channel();
                let decoding = std::thread::spawn(move || {
                    pollster::block_on(session.prefill(&[1, 2, 3])).unwrap();
                    started.send(()).unwrap();
                    loop {
                        if let Err(error) = pollster::block_on(session.decode(5)) {
                            return error;
                        }
                    }
                });
                start.recv().unwrap();
                std::thread::sleep(Duration::from_millis(delay_ms));
                gpu.destroy();
                decoding.join().expect("decoding panicked")
            });
            assert_eq!(error.kind(), ErrorKind::DeviceLost, "{error:?}");
        }
    }
}

#[test]
fn another_device_is_not_touched_by_the_loss_of_one() {
    for (index, gpu) in gpus().into_iter().enumerate() {
        let lost = pollster::block_on(Gpu::request(&index.to_string())).unwrap().unwrap();
        let mut lost_session = session(&lost);
        let mut session = session(&gpu);
        lost.destroy();
        assert!(pollster::block_on(lost_session.prefill(&[1])).is_err());
        pollster::block_on(session.prefill(&[1])).unwrap();
    }
}

#[test]
fn a_read_that_is_given_up_leaves_a_session_that_works() {
    for gpu in gpus() {
        let mut session = session(&gpu);
        let want = pollster::block_on(session.prefill(&[7, 8, 9])).unwrap().to_vec();
        for _ in 0..3 {
            session.reset();
            // The future is polled once, which submits the work, and is dropped before there is a result.
            let mut context = Context::from_waker(Waker::noop());
            let _ = pin!(session.prefill(&[1, 2, 3, 4])).poll(&mut context);
            session.reset();
            let logits = pollster::block_on(session.prefill(&[7, 8, 9])).unwrap();
            assert_close(&name(&gpu), logits, &want, 0.0);
        }
    }
}

#[test]
fn a_buffer_larger_than_the_limit_is_out_of_memory() {
    let summaries = pollster::block_on(sukashi::gpu::adapters());
    for (gpu, summary) in gpus().iter().zip(summaries) {
        let rows = (summary.max_binding_bytes / 32) as usize + 1;
        let error = Tensor::zeros(&device(gpu), "too large", rows, 8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error:?}");
        assert!(error.to_string().contains("too large"), "{error}");
        // The device still works.
        Tensor::zeros(&device(gpu), "small", 1, 8).unwrap();
    }
}

#[test]
fn a_selector_that_matches_nothing_lists_what_there_is() {
    let summaries = pollster::block_on(sukashi::gpu::adapters());
    for selector in ["no such adapter".to_owned(), summaries.len().to_string(), "-1".into()] {
        let error = pollster::block_on(Device::request(&selector)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        let message = error.to_string();
        assert!(message.contains(&selector), "{message}");
        for summary in &summaries {
            assert!(message.contains(&summary.info.name), "{message}");
        }
    }
    for summary in &summaries {
        let device = pollster::block_on(Device::request(&summary.info.backend.to_uppercase())).unwrap();
        assert_eq!(device.info().backend, summary.info.backend);
    }
    assert!(matches!(pollster::block_on(Device::request("CPU")).unwrap(), Device::Cpu));
    assert!(matches!(pollster::block_on(Device::request("twins")).unwrap(), Device::Twins));
}

#[test]
fn auto_takes_hardware_or_the_cpu() {
    let summaries = pollster::block_on(sukashi::gpu::adapters());
    let has_hardware = summaries.iter().any(|summary| summary.info.kind != "software");
    let device = pollster::block_on(Device::request("AUTO")).unwrap();
    let kind = device.info().kind;
    assert!(
        if has_hardware { !["cpu", "software"].contains(&kind.as_str()) } else { kind == "cpu" },
        "{kind}"
    );
    assert_eq!(pollster::block_on(Gpu::request("auto")).unwrap().is_some(), has_hardware);
}

#[test]
fn sessions_share_a_device() {
    for gpu in gpus() {
        let model = Model::embedded(&device(&gpu)).unwrap();
        let texts: [&[u32]; 2] = [&[10, 20, 30, 40], &[500, 400, 300]];
        let alone: Vec<Vec<f32>> = texts
            .iter()
            .map(|ids| pollster::block_on(Session::new(&model).unwrap().prefill(ids)).unwrap().to_vec())
            .collect();
        // The sessions decode in turns on one thread, and then each on a thread of its own.
        let mut sessions = texts.map(|_| Session::new(&model).unwrap());
        for step in 0..4 {
            for (session, ids) in sessions.iter_mut().zip(texts) {
                if let Some(&id) = ids.get(step) {
                    let logits = pollster::block_on(session.decode(id)).unwrap().to_vec();
                    if step + 1 == ids.len() {
                        let want = &alone[usize::from(ids == texts[1])];
                        assert_close("in turn", &logits, want, LOGITS_ATOL);
                    }
                }
            }
        }
        std::thread::scope(|scope| {
            for (ids, want) in texts.iter().zip(&alone) {
                let model = &model;
                scope.spawn(move || {
                    let mut session = Session::new(model).unwrap();
                    for _ in 0..5 {
                        session.reset();
                        let logits = pollster::block_on(session.prefill(ids)).unwrap();
                        assert_close("each on its thread", logits, want, 0.0);
                    }
                });
            }
        });
    }
}

fn check_golden(label: &str, device: &Device) {
    let golden = Golden::open(&golden_folder("soseki-mini").join("golden.safetensors"));
    let ids = golden.ids("input_ids");
    let model = Model::embedded(device).unwrap();
    let request = CaptureRequest::new(model.spec(), ["logits"]).unwrap();
    let capture = pollster::block_on(Capture::run(&model, &ids, &request)).unwrap();
    let logits = &capture.get("logits").unwrap().values;
    let want = golden.floats("logits");
    assert_close(&format!("{label}: logits"), logits, &want, LOGITS_ATOL);

    let mut session = Session::new(&model).unwrap();
    let last = &want[want.len() - model.spec().vocab_size..];
    let (prompt, rest) = ids.split_at(ids.len() - 3);
    pollster::block_on(session.prefill(prompt)).unwrap();
    for &id in &rest[..2] {
        pollster::block_on(session.decode(id)).unwrap();
    }
    let logits = pollster::block_on(session.decode(rest[2])).unwrap();
    assert_close(&format!("{label}: decoding"), logits, last, LOGITS_ATOL);
}

#[test]
fn the_smallest_limits_are_enough() {
    // 192 KiB holds a batch inside the MLP. The weights of the embedding, of attention and of the MLP are split, some
    // of them with a bias. WebGPU's compatibility mode has eight storage buffers, while wgpu's limits of that name have
    // four.
    let compatibility =
        wgpu::Limits { max_storage_buffers_per_shader_stage: 8, ..wgpu::Limits::downlevel_defaults() };
    let split = wgpu::Limits { max_storage_buffer_binding_size: 192 << 10, ..compatibility.clone() };
    for index in 0..gpus().len() {
        for (label, limits) in [
            ("WebGPU's defaults", wgpu::Limits::default()),
            ("WebGPU's compatibility mode", compatibility.clone()),
            ("matrices in parts", split.clone()),
        ] {
            let gpu =
                pollster::block_on(Gpu::request_with_limits(&index.to_string(), limits)).unwrap().unwrap();
            check_golden(&format!("{label}, {}", name(&gpu)), &Device::from(gpu));
        }
    }
}

#[test]
fn limits_beyond_the_adapter_are_an_error() {
    if gpus().is_empty() {
        return;
    }
    let limits = wgpu::Limits { max_compute_workgroup_storage_size: u32::MAX, ..wgpu::Limits::default() };
    let error = pollster::block_on(Gpu::request_with_limits("0", limits)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
}

#[test]
fn limits_too_small_for_the_model_are_an_error() {
    for index in 0..gpus().len() {
        let limits = wgpu::Limits { max_storage_buffer_binding_size: 4 << 10, ..wgpu::Limits::default() };
        let gpu = pollster::block_on(Gpu::request_with_limits(&index.to_string(), limits)).unwrap().unwrap();
        let model = Model::embedded(&Device::from(gpu));
        let error = model.and_then(|model| Session::new(&model)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{error:?}");
    }
}
