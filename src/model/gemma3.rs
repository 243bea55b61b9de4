//! Gemma 3, the text model: `config.json` to [`DecoderSpec`]. Its tensors are named as a Llama's.

use serde_json::{Map, Value};

use super::config::Config;
use super::llama::{MAX_HEAD_DIM, check_head_dim, heads};
use super::rope::Rope;
use super::spec::{
    Activation, DecoderSpec, Family, LayerSpec, MAX_HIDDEN_SIZE, MAX_INTERMEDIATE_SIZE, MAX_LAYERS,
    MAX_NORM_EPS, MAX_SEQ_LEN, MAX_VOCAB_SIZE, Norm, Parts, Position,
};
use crate::Result;

/// Highest value at which scores or logits are capped.
const MAX_SOFTCAP: f32 = 1e6;
/// Largest number whose root divides the scores.
const MAX_SCALAR: f32 = 1e6;

/// The rotation of layers that see everything, and of those with a window.
const GLOBAL: usize = 0;
const LOCAL: usize = 1;

/// Reads a Gemma 3's `config.json`, or the `text_config` of one that also sees images; messages call it `file`.
///
/// # Errors
/// If a field is missing, out of range or asks for something that is not supported.
pub fn spec(config: &Value, file: &str) -> Result<DecoderSpec> {
    let outer = Config::new(config, file)?;
    let completed;
    let config = match outer.object("text_config")? {
        Some(text) => {
            completed = Value::Object(with_defaults(text, &outer));
            Config::new(&completed, file)?
        }
        None => outer,
    };
    let num_layers = config.size("num_hidden_layers", MAX_LAYERS)?;
    let hidden_size = config.size("hidden_size", MAX_HIDDEN_SIZE)?;
    let vocab_size = config.size("vocab_size", MAX_VOCAB_SIZE)?;
    let (num_heads, num_kv_heads) = heads(&config)?;
    let head_dim = config.optional_size("head_dim", MAX_HEAD_DIM)?.unwrap_or(256);
    check_head_dim(&config, head_dim)?;
    for key in ["hidden_activation", "hidden_act"] {
        match config.text(key)? {
            None | Some("gelu_pytorch_tanh") => {}
            Some(_) => return Err(config.wrong(key, "gelu_pytorch_tanh")),
        }
    }
    if config.flag("use_bidirectional_attention", false)? {
        return Err(config.wrong("use_bidirectional_attention", "false: a token sees what is before it"));
    }
    let attention_bias = config.flag("attention_bias", false)?;
    let global = Rope::from_config(&config, head_dim, "full_attention", ("rope_theta", 1_000_000.0, true))?;
    let local =
        Rope::from_config(&config, head_dim, "sliding_attention", ("rope_local_base_freq", 10_000.0, false))?;
    Ok(DecoderSpec {
        family: Family::Gemma3,
        vocab_size,
        hidden_size,
        intermediate_size: config.size("intermediate_size", MAX_INTERMEDIATE_SIZE)?,
        num_layers,
        num_heads,
        num_kv_heads,
        head_dim,
        max_seq_len: config.size("max_position_embeddings", MAX_SEQ_LEN)?,
        position: Position::Rope(vec![global, local]),
        embedding_scale: (hidden_size as f64).sqrt() as f32,
        activation: Activation::GeGlu,
        norm: Norm::RmsNorm { eps: config.positive("rms_norm_eps", 1e-6, MAX_NORM_EPS)? },
        tied_head: config.flag("tie_word_embeddings", true)?,
        layers: layers(&config, num_layers)?,
        attention_softcap: softcap(&config, "attn_logit_softcapping")?,
        logit_softcap: softcap(&config, "final_logit_softcapping")?,
        parts: Parts {
            qkv_bias: attention_bias,
            o_bias: attention_bias,
            mlp_bias: false,
            qk_norm: true,
            post_norms: true,
        },
        bos_token_id: config.token_ids("bos_token_id", vocab_size)?.first().copied(),
        eos_token_ids: config.token_ids("eos_token_id", vocab_size)?,
    })
}

/// Of so many layers one sees everything, where the file does not list each layer's type.
fn layers(config: &Config<'_>, num_layers: usize) -> Result<Vec<LayerSpec>> {
    let window = config.optional_size("sliding_window", MAX_SEQ_LEN)?.unwrap_or(4096);
    let pattern = match config.optional_size("sliding_window_pattern", MAX_LAYERS)? {
        Some(pattern) => pattern,
        None => config.optional_size("_sliding_window_pattern", MAX_LAYERS)?.unwrap_or(6),
    };
    let scalar = config.positive("query_pre_attn_scalar", 256.0, MAX_SCALAR)?;
    let attention_scale = (1.0 / f64::from(scalar).sqrt()) as f32;
    let mut layers = Vec::with_capacity(num_layers);
    for index in 0..num_layers {
        let slides = match config.layer_type(index)? {
            Some(layer_type) => layer_type == "sliding_attention",
            None => !(index + 1).is_multiple_of(pattern),
        };
        let (window, rope) = if slides { (Some(window), LOCAL) } else { (None, GLOBAL) };
        layers.push(LayerSpec { attention_scale, window, rope });
    }
    Ok(layers)
}

fn softcap(config: &Config<'_>, key: &str) -> Result<Option<f32>> {
    match config.get(key) {
        None => Ok(None),
        Some(_) => config.positive(key, 1.0, MAX_SOFTCAP).map(Some),
    }
}

/// A `text_config` leaves out what equals the family's defaults; the ids of special tokens may stand beside it.
fn with_defaults(text: &Map<String, Value>, outer: &Config<'_>) -> Map<String, Value> {
    let defaults = [
        ("vocab_size", 262_208),
        ("hidden_size", 2304),
        ("intermediate_size", 9216),
        ("num_hidden_layers", 26),
        ("num_attention_heads", 8),
        ("num_key_value_heads", 4),
        ("head_dim", 256),
        ("max_position_embeddings", 131_072),
    ];
    let mut fields = text.clone();
    for (key, value) in defaults {
        fields.entry(key).or_insert_with(|| value.into());
    }
    for (key, value) in [("bos_token_id", 2), ("eos_token_id", 1)] {
        fields.entry(key).or_insert_with(|| outer.get(key).cloned().unwrap_or_else(|| value.into()));
    }
    if let Some(tied) = outer.get("tie_word_embeddings") {
        fields.entry("tie_word_embeddings").or_insert_with(|| tied.clone());
    }
    fields
}
