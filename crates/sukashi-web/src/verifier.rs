//! Compares an engine with the CPU twins.

use serde::Serialize;
use sukashi::kernels::{KernelSweep, REGISTRY};
use sukashi::verify::{self, Row};
use sukashi::{Device, Error};
use wasm_bindgen::prelude::*;

use crate::engine::Engine;
use crate::failure::{JsResult, given, object};
use crate::loaded_model::LoadedModel;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The result for a kernel, or for a part of a model's numbers. */
export interface VerifiedRow {
  kernel: string; cases: number;
  /** The largest error in percent of the tolerance. `null` if a value is not a number. */
  worstPercent: number | null;
  worstCase: string; passed: boolean;
  /** Why it is known to fail on this adapter. */
  expected: string | null;
}
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "VerifiedRow")]
    pub type VerifiedRow;
    #[wasm_bindgen(typescript_type = "VerifiedRow[]")]
    pub type VerifiedRows;
}

/// Compares an engine with the CPU twins, kernel by kernel, so that a page can show the progress.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Verifier {
    device: Device,
}

#[wasm_bindgen]
impl Verifier {
    /// A comparison of this engine.
    #[wasm_bindgen(constructor)]
    pub fn new(engine: &Engine) -> Self {
        Self { device: engine.device.clone() }
    }

    /// The names of the kernels that the engine runs.
    #[wasm_bindgen(getter)]
    pub fn kernels(&self) -> Vec<String> {
        self.named(true)
    }

    /// The names of the kernels that need more than the engine has.
    #[wasm_bindgen(getter)]
    pub fn lacking(&self) -> Vec<String> {
        self.named(false)
    }

    /// Computes every `stride`-th case of a kernel on the engine and with its twin: all cases if `stride` is left out.
    ///
    /// # Errors
    /// If there is no such kernel, or if the device fails.
    pub async fn kernel(&self, name: String, stride: Option<usize>) -> JsResult<VerifiedRow> {
        let sweep = REGISTRY.into_iter().find(|sweep| sweep.kernel.name == name);
        let unknown = || Error::input(format!("cannot verify {name}: there is no such kernel"));
        let sweep = given(sweep.ok_or_else(unknown))?;
        let stride = stride.unwrap_or(1).max(1);
        let row = given(verify::sample_kernel(&self.device, sweep, stride).await)?;
        object(&Told::of(&row)).map(JsCast::unchecked_into)
    }

    /// Computes a model layer by layer and along a text, and compares it with `twin`: the same model on the engine `twins`.
    ///
    /// # Errors
    /// If the two are different models, or if the device fails.
    pub async fn model(model: &LoadedModel, twin: &LoadedModel) -> JsResult<VerifiedRows> {
        if model.model.spec() != twin.model.spec() {
            return given(Err(Error::input("cannot compare two different models")));
        }
        let report = given(verify::run_model(&model.model, &twin.model).await)?;
        object(&report.rows.iter().map(Told::of).collect::<Vec<_>>()).map(JsCast::unchecked_into)
    }

    fn named(&self, runs: bool) -> Vec<String> {
        let sweeps =
            REGISTRY.into_iter().filter(|sweep: &&KernelSweep| self.device.runs(sweep.kernel) == runs);
        sweeps.map(|sweep| sweep.kernel.name.to_owned()).collect()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    kernel: &'a str,
    cases: usize,
    worst_percent: Option<f64>,
    worst_case: &'a str,
    passed: bool,
    expected: Option<&'static str>,
}

impl<'a> Told<'a> {
    fn of(row: &'a Row) -> Self {
        Self {
            kernel: &row.kernel,
            cases: row.cases,
            worst_percent: Some(row.worst_percent).filter(|percent| percent.is_finite()),
            worst_case: &row.worst_case,
            passed: row.passed,
            expected: row.expected.map(|known| known.reason),
        }
    }
}
