//! Where a model runs.

use serde::Serialize;
use sukashi::gpu::{self, AdapterSummary};
use sukashi::trace::AdapterInfo;
use sukashi::{Device, Result};
use wasm_bindgen::prelude::*;

use crate::failure::{JsResult, given, object};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Where a model runs, and why it runs there. */
export interface EngineInfo {
  /** What was asked for. */
  asked: string;
  /** The adapter as records name it. */
  adapter: { name: string; backend: string; driver: string; kind: string };
  /** Why `auto` did not take WebGPU. A page says it to its reader. */
  fallback: string | null;
  /** Useful optional features of the browser's adapter: `f16`, `subgroups`, `timestamps`. */
  features: string[];
}
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "EngineInfo")]
    pub type EngineInfo;
}

/// Where a model runs: the browser's WebGPU, or the CPU.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    pub(crate) device: Device,
    told: Told,
}

#[derive(Debug, Serialize)]
struct Told {
    asked: String,
    adapter: AdapterInfo,
    fallback: Option<String>,
    features: Vec<&'static str>,
}

#[wasm_bindgen]
impl Engine {
    /// Opens `auto` (WebGPU on hardware, else the CPU), `webgpu` (also a software adapter), `cpu`, or `twins` (the reference
    /// implementation, which is slow).
    ///
    /// # Errors
    /// If the browser has no WebGPU adapter and `webgpu` was asked for, or if the adapter refuses to open.
    pub async fn open(device: Option<String>) -> JsResult<Engine> {
        given(Self::request(device.unwrap_or_else(|| "auto".to_owned())).await)
    }

    /// Where it runs, and why.
    ///
    /// # Errors
    /// None.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> JsResult<EngineInfo> {
        object(&self.told).map(JsCast::unchecked_into)
    }
}

impl Engine {
    async fn request(asked: String) -> Result<Self> {
        let device = Device::request(&asked).await?;
        let adapters = gpu::adapters().await;
        let falls_back = asked.eq_ignore_ascii_case("auto") && matches!(device, Device::Cpu);
        let features = match (&device, adapters.first()) {
            (Device::Gpu(_), Some(adapter)) => adapter.features.clone(),
            _ => Vec::new(),
        };
        let fallback = falls_back.then(|| reason(&adapters));
        Ok(Self { told: Told { asked, adapter: device.info(), fallback, features }, device })
    }
}

fn reason(adapters: &[AdapterSummary]) -> String {
    match adapters {
        [] => "this browser offers no WebGPU adapter for compute shaders".into(),
        _ => "this browser's WebGPU adapter is software, which is slower than the CPU device".into(),
    }
}
