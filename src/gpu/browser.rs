//! The names that a browser has for an adapter and for itself.

use crate::trace::AdapterInfo;

/// `info` with the name of an open device, and with the browser in place of the driver.
///
/// Browsers hide the driver. The browser contains the implementation of WebGPU, so results and speeds depend on its
/// version as they do on a driver's.
pub(super) fn named(mut info: AdapterInfo, device: &wgpu::Device) -> AdapterInfo {
    if let Some(device) = device.as_webgpu() {
        let told = device.adapter_info();
        let parts = [told.vendor(), told.architecture(), told.device(), told.description()];
        let name = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        if !name.is_empty() {
            info.name = name;
        }
    }
    if super::adapter::is_software(&info.name) {
        info.kind = "software".into();
    }
    if info.driver.is_empty() {
        info.driver = user_agent().unwrap_or_default();
    }
    info
}

/// What the browser calls itself: the same words that it sends to servers.
fn user_agent() -> Option<String> {
    let navigator = js_sys::Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    js_sys::Reflect::get(&navigator, &"userAgent".into()).ok()?.as_string()
}
