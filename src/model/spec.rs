//! The description of a decoder, in the same terms for all families.

use serde_json::Value;

use super::config::Config;
use super::family::Family;
use super::fields;
use super::rope::Rope;
use crate::kernels::Epilogue;
use crate::text::Tokenizer;
use crate::weights::{ModelFiles, excerpt};
use crate::{Error, Result};

/// The most tokens of a vocabulary.
pub(super) const MAX_VOCAB_SIZE: usize = 1 << 24;
/// The largest width of the residual stream.
pub(super) const MAX_HIDDEN_SIZE: usize = 1 << 17;
/// The largest width of a feed-forward layer.
pub(super) const MAX_INTERMEDIATE_SIZE: usize = 1 << 20;
/// The most layers.
pub(super) const MAX_LAYERS: usize = 1 << 10;
/// The longest context, in tokens.
pub(super) const MAX_SEQ_LEN: usize = 1 << 24;
/// The largest epsilon of a norm.
pub(super) const MAX_NORM_EPS: f32 = 1.0;

/// A decoder-only transformer. The spec has every size and choice that the forward pass depends on.
///
/// ```
/// use sukashi::model::{DecoderSpec, spec};
/// use sukashi::weights::ModelFiles;
///
/// let files = ModelFiles::embedded()?;
/// let spec: DecoderSpec = spec::from_config(&files.config, &files.config_label)?;
/// assert_eq!((spec.num_layers, spec.num_heads, spec.head_dim), (6, 6, 32));
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderSpec {
    /// The family that read the spec.
    pub family: &'static Family,
    /// Rows of the token embedding `[vocab_size, hidden_size]`, and the number of logits.
    pub vocab_size: usize,
    /// Width of the residual stream, in elements.
    pub hidden_size: usize,
    /// Width between the two projections of the feed-forward layer, in elements.
    pub intermediate_size: usize,
    /// Number of decoder layers.
    pub num_layers: usize,
    /// Query heads per layer; queries are `[num_tokens, num_heads, head_dim]`.
    pub num_heads: usize,
    /// Key and value heads per layer; keys and values are `[kv_len, num_kv_heads, head_dim]`. Divides
    /// `num_heads`.
    pub num_kv_heads: usize,
    /// Width of one head, in elements.
    pub head_dim: usize,
    /// The longest context of the model, in tokens.
    pub max_seq_len: usize,
    /// The way in which the model encodes positions.
    pub position: Position,
    /// The factor of token embeddings.
    pub embedding_scale: f32,
    /// The activation of the feed-forward layer.
    pub activation: Activation,
    /// The norm before attention, before the feed-forward layer, and before the head.
    pub norm: Norm,
    /// Whether the head is the token embedding. Otherwise it is `lm_head`, `[vocab_size, hidden_size]`.
    pub tied_head: bool,
    /// The differences between layers; `[num_layers]`.
    pub layers: Vec<LayerSpec>,
    /// Attention scores become `cap · tanh(score / cap)`.
    pub attention_softcap: Option<f32>,
    /// Logits become `cap · tanh(logit / cap)`.
    pub logit_softcap: Option<f32>,
    /// The biases of projections, and the norms besides those before attention and the feed-forward layer.
    pub parts: Parts,
    /// The token before the first token of a text, if the family asks for one.
    pub bos_token_id: Option<u32>,
    /// The tokens that end a text. All are below `vocab_size`.
    pub eos_token_ids: Vec<u32>,
}

/// The values in which layers may differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerSpec {
    /// Multiplies the attention scores `q · k`.
    pub attention_scale: f32,
    /// The number of positions that a token sees, with its own; `None` for all positions before it.
    pub window: Option<usize>,
    /// The index of the layer's rotation in [`Position::Rope`].
    pub rope: usize,
}

/// The parts that only some families have. The biases are those that the configuration asks for. The loader also takes
/// other biases that the files have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// Biases of the query, key and value projections.
    pub qkv_bias: bool,
    /// Bias of the attention's output projection.
    pub o_bias: bool,
    /// Biases of the feed-forward projections.
    pub mlp_bias: bool,
    /// A norm of each query head and key head.
    pub qk_norm: bool,
    /// A norm after attention and one after the feed-forward layer, before the residual addition.
    pub post_norms: bool,
}

/// The way in which a model encodes positions.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Position {
    /// A learned vector for each position, which is added to the token embedding; `[max_seq_len, hidden_size]`.
    Learned,
    /// Queries and keys turn by an angle in proportion to the position. Each layer has one of these rotations.
    Rope(Vec<Rope>),
}

/// The feed-forward layer's non-linearity. Sources: Hendrycks & Gimpel 2016, arXiv:1606.08415; Shazeer 2020,
/// arXiv:2002.05202.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// `x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))`.
    GeluTanh,
    /// `x/2 · (1 + erf(x/√2))`.
    GeluErf,
    /// `gelu_tanh(gate) · up`, with a third projection for the gate.
    GeGlu,
    /// `silu(gate) · up`, with a third projection for the gate.
    SwiGlu,
}

impl Activation {
    /// Whether the feed-forward layer has a gate projection.
    pub fn is_gated(self) -> bool {
        matches!(self, Self::GeGlu | Self::SwiGlu)
    }

    /// The name of the activation among kernels.
    pub(super) fn epilogue(self) -> Epilogue {
        match self {
            Self::GeluTanh => Epilogue::GeluTanh,
            Self::GeluErf => Epilogue::GeluErf,
            Self::GeGlu => Epilogue::GeGlu,
            Self::SwiGlu => Epilogue::SwiGlu,
        }
    }
}

/// The normalisation of hidden states.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Norm {
    /// `(x - mean) / sqrt(variance + eps) · weight + bias` over the hidden size.
    LayerNorm {
        /// Added to the variance; above 0.
        eps: f32,
    },
    /// `x / sqrt(mean(x²) + eps) · weight` over the hidden size.
    RmsNorm {
        /// Added to the mean square; above 0.
        eps: f32,
    },
}

impl Norm {
    /// The number that prevents a division by zero.
    pub fn eps(self) -> f32 {
        match self {
            Self::LayerNorm { eps } | Self::RmsNorm { eps } => eps,
        }
    }
}

/// Reads a Hugging Face `config.json` of any known family. Messages call it `file`.
///
/// The family is `model_type`. If this is missing, it is the first of `architectures`.
///
/// # Errors
/// Bad input if the family is unknown, or if a field is missing, out of range, asks for an unsupported feature, or is
/// neither read by the family nor known to change nothing.
pub fn from_config(config: &Value, file: &str) -> Result<DecoderSpec> {
    let outer = Config::new(config, file)?;
    let model_type = outer.text("model_type")?;
    let architecture = config["architectures"][0].as_str();
    if let Some(family) = Family::of(model_type, architecture) {
        fields::check_causes(&outer)?;
        let spec = (family.read)(&outer)?;
        let around = family.fields_around_text.as_ref();
        match around.and_then(|around| Some((around, outer.get("text_config")?))) {
            None => fields::check(&outer, &family.fields)?,
            Some((around, text)) => {
                fields::check(&outer, around)?;
                let text = Config::new(text, file)?;
                fields::check_causes(&text)?;
                fields::check(&text, &family.fields)?;
            }
        }
        return Ok(spec);
    }
    let found = match (model_type, architecture) {
        (Some(model_type), _) => format!("model_type = {:?}", excerpt(model_type)),
        (None, Some(architecture)) => format!("architectures = [{:?}]", excerpt(architecture)),
        (None, None) => "neither model_type nor architectures".to_string(),
    };
    Err(Error::input(format!("cannot use {file}: the architecture is unknown"))
        .detail(format!("found {found}, expected one of: {}", Family::list())))
}

/// Reads the spec of a model's files. It is that of [`from_config`], except for the tokens that end a text. These come
/// from `generation_config.json` if it names some, and from the tokens' spelling ([`Tokenizer::text_end_ids`]).
///
/// # Errors
/// As [`from_config`]; also if `generation_config.json` names invalid tokens.
pub fn from_files(files: &ModelFiles) -> Result<DecoderSpec> {
    let mut spec = from_config(&files.config, &files.config_label)?;
    if let Some(generation) = &files.generation_config {
        // The end token in config.json is often only that of the base model's training texts.
        let ids =
            Config::new(&generation.value, &generation.label)?.token_ids("eos_token_id", spec.vocab_size)?;
        if !ids.is_empty() {
            spec.eos_token_ids = ids;
        }
    }
    for &id in files.tokenizer.iter().flat_map(Tokenizer::text_end_ids) {
        if (id as usize) < spec.vocab_size && !spec.eos_token_ids.contains(&id) {
            spec.eos_token_ids.push(id);
        }
    }
    Ok(spec)
}

impl DecoderSpec {
    /// Checks that the tokenizer has no more tokens than the model.
    ///
    /// `tokenizer_size` is the number of the tokenizer's own tokens, [`crate::text::Tokenizer::base_vocab_size`]. It
    /// may be smaller than the model's vocabulary, because embeddings are often padded.
    ///
    /// # Errors
    /// Bad input with both numbers.
    pub fn check_tokenizer(&self, tokenizer_size: Option<usize>) -> Result<()> {
        let vocab_size = self.vocab_size;
        match tokenizer_size {
            Some(size) if size > vocab_size => {
                Err(Error::input("cannot use the model: tokenizer.json has more tokens than the model")
                    .detail(format!("found {size} tokens, expected at most vocab_size = {vocab_size}"))
                    .hint("do tokenizer.json and config.json belong to one model?"))
            }
            _ => Ok(()),
        }
    }
}
