//! A model on an engine.

use js_sys::{Function, Uint8Array};
use serde::Serialize;
use sukashi::model::UnloadedModel;
use sukashi::sampling::Sampler;
use sukashi::weights::{FolderContents, ModelFiles};
use sukashi::{Error, Model, Result, Session};
use wasm_bindgen::prelude::*;

use crate::byte_source::{GivenBytes, JsBytes};
use crate::engine::Engine;
use crate::failure::{JsResult, given, object};
use crate::run_options::{Options, PromptInput, Prompted, RunOptions};
use crate::writer::Writer;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The contents of a model's folder. */
export interface Folder {
  /** `config.json`. */
  config: Uint8Array;
  /** `model.safetensors`. */
  weights: ByteSource | Uint8Array;
  /** `tokenizer.json`, without which a model cannot read text. */
  tokenizer?: Uint8Array;
  /** `tokenizer_config.json`. */
  tokenizerConfig?: Uint8Array;
}
/** The number of loaded tensors, and of all tensors. */
export type Progress = (loaded: number, total: number) => void;
export interface ModelDescription {
  name: string;
  family: string;
  /** How the weights are stored on the device, such as `f16`. */
  precision: string;
  numLayers: number;
  numHeads: number;
  vocabSize: number;
  maxSeqLen: number;
  /** Whether records have the hash of the weights: if their source knows it. */
  isHashed: boolean;
}
export interface Token { id: number; text: string | null; bytes: number[] | null }
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "Folder")]
    pub type Folder;
    #[wasm_bindgen(method, getter)]
    fn config(this: &Folder) -> Uint8Array;
    #[wasm_bindgen(method, getter)]
    fn weights(this: &Folder) -> GivenBytes;
    #[wasm_bindgen(method, getter)]
    fn tokenizer(this: &Folder) -> Option<Uint8Array>;
    #[wasm_bindgen(method, getter, js_name = tokenizerConfig)]
    fn tokenizer_config(this: &Folder) -> Option<Uint8Array>;

    #[wasm_bindgen(typescript_type = "Progress")]
    pub type Progress;
    #[wasm_bindgen(typescript_type = "ModelDescription")]
    pub type ModelDescription;
    #[wasm_bindgen(typescript_type = "Token[]")]
    pub type Tokens;
}

/// A model whose weights are on an engine's device.
#[wasm_bindgen]
#[derive(Debug)]
pub struct LoadedModel {
    pub(crate) model: Model,
}

#[wasm_bindgen]
impl LoadedModel {
    /// Loads the model of a folder with `config.json` and `model.safetensors`, part by part.
    ///
    /// # Errors
    /// If a file is invalid, if bytes cannot be read, or if the device has no room for the model.
    #[wasm_bindgen(js_name = fromFolder)]
    pub async fn from_folder(
        engine: &Engine,
        name: String,
        folder: Folder,
        progress: Option<Progress>,
    ) -> JsResult<LoadedModel> {
        let contents = FolderContents {
            config: folder.config().to_vec(),
            tokenizer: folder.tokenizer().map(|bytes| bytes.to_vec()),
            tokenizer_config: folder.tokenizer_config().map(|bytes| bytes.to_vec()),
            weights: JsBytes::new(folder.weights()),
        };
        given(load(engine, ModelFiles::from_sources(&name, contents).await, progress).await)
    }

    /// Loads the model of a GGUF file, part by part. Messages call the file `name`.
    ///
    /// # Errors
    /// If the file is invalid, if bytes cannot be read, or if the device has no room for the model.
    #[wasm_bindgen(js_name = fromGguf)]
    pub async fn from_gguf(
        engine: &Engine,
        name: String,
        file: GivenBytes,
        progress: Option<Progress>,
    ) -> JsResult<LoadedModel> {
        given(load(engine, ModelFiles::gguf_from_source(&name, JsBytes::new(file)).await, progress).await)
    }

    /// Loads the model that is part of the module.
    ///
    /// # Errors
    /// In a build without it, and if the device has no room for it.
    pub fn embedded(engine: &Engine) -> JsResult<LoadedModel> {
        given(Model::embedded(&engine.device).map(|model| LoadedModel { model }))
    }

    /// The model's sizes.
    ///
    /// # Errors
    /// None.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> JsResult<ModelDescription> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Described<'a> {
            name: &'a str,
            family: &'a str,
            precision: &'a str,
            num_layers: usize,
            num_heads: usize,
            vocab_size: usize,
            max_seq_len: usize,
            is_hashed: bool,
        }
        let (spec, info) = (self.model.spec(), given(self.model.info())?);
        let described = Described {
            name: &info.name,
            family: &info.family,
            precision: &info.precision,
            num_layers: spec.num_layers,
            num_heads: spec.num_heads,
            vocab_size: spec.vocab_size,
            max_seq_len: spec.max_seq_len,
            is_hashed: !info.weights_sha256.is_empty(),
        };
        object(&described).map(JsCast::unchecked_into)
    }

    /// The tokens of a text, with the special tokens that the tokenizer adds.
    ///
    /// # Errors
    /// If the model has no tokenizer, or if its vocabulary lacks a character.
    pub fn tokenize(&self, text: &str) -> JsResult<Tokens> {
        let ids = given(self.model.encode(text))?;
        let tokens: Vec<_> = ids.into_iter().map(|id| self.model.token(id)).collect();
        object(&tokens).map(JsCast::unchecked_into)
    }

    /// The text of token ids.
    ///
    /// # Errors
    /// If the model has no tokenizer.
    pub fn decode(&self, ids: &[u32]) -> JsResult<String> {
        let missing = || Error::input("the model has no tokenizer, so it cannot write text");
        given(self.model.decode(ids).ok_or_else(missing))
    }

    /// The most probable next tokens: the record that `sukashi next --format json` writes.
    ///
    /// # Errors
    /// If the prompt is empty, too long, or not in the vocabulary; if an option is invalid; if the device fails.
    pub async fn next(&self, prompt: PromptInput, options: Option<RunOptions>) -> JsResult<String> {
        let (prompt, options) = (Prompted::of(&self.model, &prompt)?, Options::of(options)?);
        given(self.look(prompt, options).await)
    }

    /// A text that grows token by token.
    ///
    /// # Errors
    /// As [`LoadedModel::next`].
    pub fn write(&self, prompt: PromptInput, options: Option<RunOptions>) -> JsResult<Writer> {
        let (prompt, options) = (Prompted::of(&self.model, &prompt)?, Options::of(options)?);
        given(Writer::new(self.model.clone(), prompt, options))
    }
}

impl LoadedModel {
    async fn look(&self, prompt: Prompted, options: Options) -> Result<String> {
        let model = &self.model;
        let recorder = options.recorder()?;
        let mut sampler = Sampler::new(options.sampling, model.spec().vocab_size)?;
        let mut session = Session::prompt_first(model, prompt.ids.len() + 1)?;
        let logits = session.prefill(&prompt.ids).await?;
        let step = recorder.look(&mut sampler, logits, &prompt.ids, |id| model.token(id))?;
        let mut trace = model.trace(&prompt.ids, sampler.settings(), vec![step])?;
        if let Some(typed) = prompt.typed {
            trace.prompt.text = Some(typed.clone());
            trace.text = model.tokenizer().map(|_| typed);
        }
        trace.to_json()
    }
}

async fn load(engine: &Engine, files: Result<ModelFiles>, progress: Option<Progress>) -> Result<LoadedModel> {
    let call = progress.and_then(|progress| JsValue::from(progress).dyn_into::<Function>().ok());
    let mut say = |loaded: usize, total: usize| {
        if let Some(call) = &call {
            // A page that fails to show the progress does not stop the load.
            let _ = call.call2(&JsValue::NULL, &(loaded as f64).into(), &(total as f64).into());
        }
    };
    let model = UnloadedModel::read(files?)?.load_arriving(&engine.device, &mut say).await?;
    Ok(LoadedModel { model })
}
