//! `--device`: where a model runs.

use sukashi::{Device, Result};

use super::cache::cache_folder;
use super::output::note;
use super::terminal::Terminal;

#[derive(Debug, Clone, clap::Args)]
pub struct DeviceArgs {
    /// auto, cpu, or an index, a backend or part of a name that `sukashi adapters` lists
    ///
    /// auto takes a GPU, and the CPU where there is none. It never takes a software adapter, which is slower than the CPU.
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Model")]
    device: String,
}

impl DeviceArgs {
    /// Opens the device. Notes when `auto` fell back to the CPU.
    pub fn open(&self, terminal: &Terminal) -> Result<Device> {
        let device = pollster::block_on(Device::request(&self.device))?;
        if self.device.eq_ignore_ascii_case("auto") && matches!(device, Device::Cpu) {
            note(terminal.words(
                "注意: GPU が見つからないため、CPU で動かします（装置は --device で選べます。一覧は sukashi adapters）",
                "note: no GPU was found; running on the CPU (--device NAME chooses a device, `sukashi adapters` lists them)",
            ));
        }
        if let Device::Gpu(gpu) = &device
            && std::env::var_os("SUKASHI_CHECKED").is_some_and(|value| value == "1")
        {
            gpu.bound_loops();
        }
        keep_pipelines(&device);
        Ok(device)
    }
}

/// Lets the device read the pipelines that earlier runs compiled for it, and keep its own. A run goes on without them when
/// that fails.
fn keep_pipelines(device: &Device) {
    if let (Device::Gpu(gpu), Some(folder)) = (device, cache_folder())
        && let Err(error) = gpu.keep_pipelines(&folder.join("pipelines"))
    {
        note(&format!("note: {error}"));
    }
}
