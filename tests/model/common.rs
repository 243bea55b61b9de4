//! Devices, goldens and the comparator.

use std::path::{Path, PathBuf};

use crate::skip::skip;
use safetensors::SafeTensors;
use sukashi::kernels::Choices;
use sukashi::{Device, Model, Result};

/// Every device of this machine: all adapters, the CPU, and the twins.
///
/// If there is no adapter, `SUKASHI_REQUIRE_GPU=1` makes this a failure. Otherwise it is printed and counted.
pub fn devices() -> Vec<(String, Device)> {
    let adapters = pollster::block_on(sukashi::gpu::adapters());
    let mut devices = vec![("cpu".to_owned(), Device::Cpu), ("twins".to_owned(), Device::Twins)];
    for index in 0..adapters.len() {
        let device = pollster::block_on(Device::request(&index.to_string())).unwrap();
        if let Some(Err(error)) = forced(&device) {
            skip(&error);
            continue;
        }
        let info = device.info();
        devices.push((format!("{} ({})", info.name, info.backend), device));
    }
    if adapters.is_empty() {
        assert!(
            std::env::var_os("SUKASHI_REQUIRE_GPU").is_none(),
            "SUKASHI_REQUIRE_GPU is set and there is no adapter"
        );
        skip("no adapter; only the CPU was tested");
    }
    devices
}

/// The choices that `SUKASHI_VARIANT` names. A run with each of them computes all goldens; CONTRIBUTING.md lists them.
fn forced(device: &Device) -> Option<Result<Choices>> {
    std::env::var("SUKASHI_VARIANT").ok().map(|variant| Choices::forced(device, &variant))
}

/// The model in `folder`, computed as `SUKASHI_VARIANT` says.
pub fn load(device: &Device, folder: &Path) -> Model {
    chosen(Model::load(device, folder).unwrap())
}

/// The embedded model, computed as `SUKASHI_VARIANT` says.
pub fn embedded(device: &Device) -> Model {
    chosen(Model::embedded(device).unwrap())
}

fn chosen(model: Model) -> Model {
    match forced(model.device()) {
        Some(choices) => model.with_choices(choices.unwrap()).unwrap(),
        None => model,
    }
}

pub fn golden_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

/// A golden's tensors.
pub struct Golden(Vec<u8>);

impl Golden {
    pub fn open(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), safetensors::Dtype::F32, "{name}");
        tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    pub fn ids(&self, name: &str) -> Vec<u32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), safetensors::Dtype::I64, "{name}");
        tensor.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as u32).collect()
    }
}

/// The largest `|got - want|` and its place. If any element is NaN, the difference is infinite.
pub fn worst(got: &[f32], want: &[f32]) -> (f32, usize) {
    assert_eq!(got.len(), want.len(), "number of elements");
    let mut worst = (0.0_f32, 0);
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        let error = if got.is_finite() { (got - want).abs() } else { f32::INFINITY };
        if error > worst.0 {
            worst = (error, index);
        }
    }
    worst
}

/// Fails if an element is further than `atol` from the golden.
pub fn assert_close(what: &str, got: &[f32], want: &[f32], atol: f32) {
    let (error, index) = worst(got, want);
    let percent = 100.0 * error / atol;
    assert!(
        error <= atol,
        "{what}: element {index} is {}, expected {}: {percent:.0}% of the tolerance {atol:e}",
        got[index],
        want[index]
    );
    println!("{what}: {percent:.0}% of the tolerance {atol:e}");
}
