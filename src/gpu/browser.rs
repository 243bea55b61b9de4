//! What differs in a browser: the names of an adapter and its driver, and when errors arrive.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen_futures::JsFuture;

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
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
    Reflect::get(&navigator, &"userAgent".into()).ok()?.as_string()
}

/// Waits until the browser has reported the errors that it knows. A buffer can be mapped before the error of the pipeline
/// that should have written it is reported.
pub(super) async fn reports() {
    let later = Promise::new(&mut |resolve, _| {
        let set_timeout = Reflect::get(&js_sys::global(), &"setTimeout".into()).map(Function::from);
        let called = set_timeout.and_then(|set_timeout| set_timeout.call1(&js_sys::global(), &resolve));
        if called.is_err() {
            // There is no event loop to wait for.
            let _ = resolve.call0(&js_sys::global());
        }
    });
    // It is never rejected.
    let _ = JsFuture::from(later).await;
}
