//! The adapters of this machine.

use crate::skip::skip;
use sukashi::{Device, Gpu};

/// Opens every adapter.
///
/// If there is none, `SUKASHI_REQUIRE_GPU=1` makes this a failure. Otherwise the test is skipped, and the list is
/// empty.
pub fn gpus() -> Vec<Gpu> {
    let count = pollster::block_on(sukashi::gpu::adapters()).len();
    if count == 0 {
        assert!(
            std::env::var_os("SUKASHI_REQUIRE_GPU").is_none(),
            "SUKASHI_REQUIRE_GPU is set and there is no adapter"
        );
        skip("no adapter");
    }
    (0..count).map(|index| pollster::block_on(Gpu::request(&index.to_string())).unwrap().unwrap()).collect()
}

/// The adapter's name in messages.
#[allow(dead_code, reason = "not every test names its adapters")]
pub fn name(gpu: &Gpu) -> String {
    format!("{} ({})", gpu.info().name, gpu.info().backend)
}

/// The device of an adapter.
#[allow(dead_code, reason = "not every test needs devices")]
pub fn device(gpu: &Gpu) -> Device {
    Device::from(gpu.clone())
}
