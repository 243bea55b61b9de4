//! What runs leave for later ones.

use std::env;
use std::path::PathBuf;

use sukashi::{Device, Result};

use super::output::note;

/// Opens the device that `selector` names, as [`Device::request`] does, with the pipelines that earlier runs compiled for it. A run
/// goes on without them where they cannot be used.
pub fn open_device(selector: &str) -> Result<Device> {
    let device = pollster::block_on(Device::request(selector))?;
    if let (Device::Gpu(gpu), Some(folder)) = (&device, cache_folder())
        && let Err(error) = gpu.keep_pipelines(&folder.join("pipelines"))
    {
        note(&format!("note: {error}"));
    }
    Ok(device)
}

/// `sukashi` in the system's folder for caches.
pub fn cache_folder() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_system = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Caches"))
    } else {
        folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))
    };
    of_system.map(|folder| folder.join("sukashi"))
}
