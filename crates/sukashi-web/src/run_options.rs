//! What a run reads, and how it chooses and records tokens.

use js_sys::{Array, Uint32Array};
use serde::Deserialize;
use sukashi::sampling::Settings;
use sukashi::trace::StepRecorder;
use sukashi::{Error, Model, Result};
use wasm_bindgen::prelude::*;

use crate::failure::{self, JsResult, value};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A text, or the ids of its tokens. */
export type PromptInput = string | Uint32Array;
/** Settings of the sampler, by the names in records. What is left out has no effect. */
export interface SamplerSettings {
  choice?: "sample" | "greedy" | { pick: number };
  temperature?: number; top_k?: number; top_p?: number; min_p?: number; typical_p?: number;
  repetition_penalty?: number; frequency_penalty?: number; presence_penalty?: number;
  logit_bias?: Record<string, number>; seed?: number;
}
export interface RunOptions {
  /** The candidates that a step records: 10 if it is left out. */
  top?: number;
  sampling?: SamplerSettings;
  /** Whether each step records what every stage of the sampler leaves. */
  stages?: boolean;
}
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "PromptInput")]
    pub type PromptInput;
    #[wasm_bindgen(typescript_type = "RunOptions")]
    pub type RunOptions;
}

/// The candidates that a step records if nobody asks for another number, as in the program.
const DEFAULT_TOP: usize = 10;

/// How a run chooses and records tokens.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    top: usize,
    pub sampling: Settings,
    stages: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { top: DEFAULT_TOP, sampling: Settings::default(), stages: false }
    }
}

impl Options {
    pub fn of(given: Option<RunOptions>) -> JsResult<Self> {
        value("the options of a run", &given.map_or(JsValue::UNDEFINED, JsValue::from))
    }

    pub fn recorder(&self) -> Result<StepRecorder> {
        if self.top == 0 {
            return Err(Error::input("cannot show 0 candidates").detail("expected top: 1 or more"));
        }
        let recorder = StepRecorder::new(self.top);
        Ok(if self.stages { recorder.with_stages() } else { recorder })
    }
}

/// The tokens that a model reads, and the text if there was one.
#[derive(Debug)]
pub struct Prompted {
    pub ids: Vec<u32>,
    pub typed: Option<String>,
}

impl Prompted {
    pub fn of(model: &Model, given: &PromptInput) -> JsResult<Self> {
        if let Some(text) = given.as_string() {
            let ids = failure::given(model.encode(&text))?;
            return Ok(Self { ids, typed: Some(text) });
        }
        let ids = Array::from(given);
        Ok(Self { ids: Uint32Array::new(&ids).to_vec(), typed: None })
    }
}
