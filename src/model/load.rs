//! A model on a device.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::ablation::Ablation;
use super::fields::NoBiases;
use super::loader::Files;
use super::spec::DecoderSpec;
use super::tensors;
use super::unloaded::UnloadedModel;
use super::weights::DecoderWeights;
use crate::device::Device;
use crate::error::{Error, Result};
use crate::format::row_stride;
use crate::kernels::{Choices, MatmulShape};
use crate::sampling::Settings;
use crate::text::{ChatTemplate, EncodeOptions, Tokenizer};
use crate::trace::{self, ModelInfo, Prompt, Step, Token, Trace};
use crate::weights::{ModelFiles, Weights, check_tensors};

/// A model whose weights are on a device. Cloning shares them.
///
/// ```
/// use sukashi::{Device, Model};
///
/// let model = Model::embedded(&Device::Cpu)?;
/// assert_eq!(model.spec().num_layers, 6);
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Model {
    inner: Arc<Inner>,
    ablation: Arc<Ablation>,
    choices: Arc<Choices>,
}

#[derive(Debug)]
struct Inner {
    device: Device,
    name: String,
    spec: DecoderSpec,
    weights: DecoderWeights,
    tokenizer: Option<Tokenizer>,
    chat: Result<Option<ChatTemplate>>,
    file: Weights,
    sha256: OnceLock<String>,
}

impl Model {
    /// Loads the model inside the program: soseki-mini, a character-level GPT-2.
    ///
    /// # Errors
    /// If the device has no room for the model.
    pub fn embedded(device: &Device) -> Result<Self> {
        Self::from_files(device, ModelFiles::embedded()?, &mut |_, _| {})
    }

    /// Loads a model from a GGUF file, or from a folder with `config.json` and `model.safetensors` (or its index). The
    /// folder also needs `tokenizer.json` if the model is to read text.
    ///
    /// # Errors
    /// If a file is invalid, if it has tensors that no part of the model uses, or if the device has no room for the
    /// model.
    pub fn load(device: &Device, path: &Path) -> Result<Self> {
        Self::from_files(device, ModelFiles::open(path)?, &mut |_, _| {})
    }

    /// Loads the model of these files. `progress` gets the number of loaded tensors and the number of all tensors.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_files(
        device: &Device,
        files: ModelFiles,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self> {
        UnloadedModel::read(files)?.load(device, progress)
    }

    /// Loads the weights of a model with a known spec.
    pub(super) async fn of_files(
        device: &Device,
        UnloadedModel { files, spec }: UnloadedModel,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self> {
        let ModelFiles { name, config, weights: file, tokenizer, chat, allow_unused_tensors, .. } = files;
        spec.check_tokenizer(tokenizer.as_ref().map(Tokenizer::base_vocab_size))?;
        check_tensors(&file)?;
        let no_biases = NoBiases::of(&config);
        let opened = Files { weights: &file, no_biases, allow_unused_tensors };
        let weights = tensors::load(device, &spec, opened, progress).await?;
        let choices = Arc::new(Choices::of(device));
        let device = device.clone();
        let inner = Inner { device, name, spec, weights, tokenizer, chat, file, sha256: OnceLock::new() };
        Ok(Self { inner: Arc::new(inner), ablation: Arc::default(), choices })
    }

    /// The same model without some of its parts. It shares the weights.
    ///
    /// # Errors
    /// If the model has no such part.
    pub fn without(&self, ablation: Ablation) -> Result<Self> {
        ablation.check(self.spec())?;
        Ok(Self { ablation: Arc::new(ablation), ..self.clone() })
    }

    /// The parts that the model leaves out.
    pub fn ablation(&self) -> &Ablation {
        &self.ablation
    }

    /// The device with the weights.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// The model's name in its files.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The model's sizes and the choices of its architecture.
    pub fn spec(&self) -> &DecoderSpec {
        &self.inner.spec
    }

    /// The model's tokenizer, if it has one.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        self.inner.tokenizer.as_ref()
    }

    /// The model's chat template, which turns messages into a text.
    ///
    /// # Errors
    /// If the model has no chat template, or an unusable one.
    pub fn chat_template(&self) -> Result<&ChatTemplate> {
        ChatTemplate::required(&self.inner.chat, &self.inner.name)
    }

    /// The products of a decoded token. Each shape appears once.
    pub fn matmul_shapes(&self) -> Vec<MatmulShape> {
        let mut products = Vec::new();
        for matrix in self.weights().matrices() {
            for part in &matrix.parts {
                let product = MatmulShape::of_part(part, row_stride(matrix.columns));
                if !products.contains(&product) {
                    products.push(product);
                }
            }
        }
        products
    }

    /// The kernels that were chosen among several. By default they suit the kind of device. [`Model::with_choices`]
    /// sets others.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// The same model with other kernels in each session. It shares the weights.
    ///
    /// # Errors
    /// If the device lacks a feature that a kernel needs.
    pub fn with_choices(&self, choices: Choices) -> Result<Self> {
        choices.check(self.device())?;
        Ok(Self { choices: Arc::new(choices), ..self.clone() })
    }

    pub(crate) fn weights(&self) -> &DecoderWeights {
        &self.inner.weights
    }

    /// Encodes `text` as token ids, with the special tokens that the tokenizer puts around it.
    ///
    /// # Errors
    /// If the model has no tokenizer, or the text has a character that its vocabulary lacks.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.encode_with(text, EncodeOptions::default())
    }

    /// Encodes `text` with options.
    ///
    /// # Errors
    /// As [`Model::encode`].
    pub fn encode_with(&self, text: &str, options: EncodeOptions) -> Result<Vec<u32>> {
        let tokenizer = self.tokenizer().ok_or_else(|| {
            Error::input(format!("{} has no tokenizer.json, so it cannot read text", self.inner.name))
                .hint("--ids 1,2,3 gives token ids instead")
        })?;
        tokenizer.encode(text, options)
    }

    /// The token with this id. Without a tokenizer, it has only the id.
    pub fn token(&self, id: u32) -> Token {
        match self.tokenizer() {
            Some(tokenizer) => tokenizer.token(id),
            None => Token { id, text: None, bytes: None },
        }
    }

    /// The text of `ids`; `None` without a tokenizer.
    pub fn decode(&self, ids: &[u32]) -> Option<String> {
        self.tokenizer().map(|tokenizer| tokenizer.decode(ids))
    }

    /// Describes the model for a trace. The first call reads the weight files once more to hash them. Of a
    /// [`ByteSource`](crate::weights::ByteSource), the hash is what the source knows, or empty.
    ///
    /// # Errors
    /// If the files can no longer be read.
    pub fn info(&self) -> Result<ModelInfo> {
        let weights_sha256 = match self.inner.sha256.get() {
            Some(known) => known.clone(),
            None => {
                let hash = self.inner.file.sha256()?;
                self.inner.sha256.get_or_init(|| hash).clone()
            }
        };
        Ok(ModelInfo {
            name: self.inner.name.clone(),
            family: self.inner.spec.family.name().into(),
            weights_sha256,
            precision: self.inner.weights.precision(),
            left_out: self.ablation.names(),
        })
    }

    /// Makes the trace of a run on the model's device, with the prompt `ids` and the `steps` after it.
    ///
    /// ```
    /// use sukashi::sampling::Settings;
    /// use sukashi::{Device, Model};
    ///
    /// let model = Model::embedded(&Device::Cpu)?;
    /// let trace = model.trace(&model.encode("吾輩は")?, &Settings::default(), Vec::new())?;
    /// assert_eq!(trace.prompt.text.as_deref(), Some("吾輩は"));
    /// assert_eq!((trace.prompt.tokens.len(), trace.steps.len()), (3, 0));
    /// # Ok::<(), sukashi::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::info`].
    pub fn trace(&self, ids: &[u32], sampling: &Settings, steps: Vec<Step>) -> Result<Trace> {
        let all: Vec<u32> = ids.iter().copied().chain(steps.iter().filter_map(Step::chosen_id)).collect();
        Ok(Trace {
            schema: trace::SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: self.info()?,
            adapter: self.device().info(),
            sampling: sampling.clone(),
            prompt: Prompt { text: self.decode(ids), tokens: ids.iter().map(|&id| self.token(id)).collect() },
            text: self.decode(&all),
            steps,
        })
    }
}
