//! Gemma 3, the text model. Its tensors have the names of a Llama's, except for the norms around attention and the
//! feed-forward layer.

use serde_json::{Map, Value};

use super::Family;
use super::llama::{self, MAX_HEAD_DIM, check_head_dim, heads};
use crate::Result;
use crate::model::config::Config;
use crate::model::fields::{self, Known, Neutral};
use crate::model::rope::Rope;
use crate::model::spec::{
    Activation, DecoderSpec, LayerSpec, MAX_HIDDEN_SIZE, MAX_INTERMEDIATE_SIZE, MAX_LAYERS, MAX_NORM_EPS,
    MAX_SEQ_LEN, MAX_VOCAB_SIZE, Norm, Parts, Position,
};
use crate::weights::{Architecture, Naming, NormKind, name};

/// Gemma 3, the text model (Gemma Team 2025, arXiv:2503.19786).
pub(super) static GEMMA3: Family = Family {
    name: "gemma3_text",
    model_types: &[("gemma3_text", "Gemma3ForCausalLM"), ("gemma3", "Gemma3ForConditionalGeneration")],
    read,
    fields: Known {
        read: &[
            fields::ALL,
            fields::ROTARY,
            &[
                "_sliding_window_pattern",
                "attention_bias",
                "attn_logit_softcapping",
                "final_logit_softcapping",
                "hidden_activation",
                "query_pre_attn_scalar",
                "rope_local_base_freq",
                "sliding_window",
                "sliding_window_pattern",
                "use_bidirectional_attention",
            ],
        ],
        neutral: &[("use_sliding_window", &[Neutral::True])],
    },
    // A Gemma 3 for images has fields for the vision part, which is not read, and for the images' places in a text.
    fields_around_text: Some(Known {
        read: &[
            &[
                "architectures",
                "bos_token_id",
                "eos_token_id",
                "model_type",
                "text_config",
                "tie_word_embeddings",
            ],
            &["boi_token_id", "boi_token_index", "eoi_token_id", "eoi_token_index"],
            &["image_token_id", "image_token_index", "mm_tokens_per_image", "vision_config"],
        ],
        neutral: &[],
    }),
    naming: &NAMING,
    gguf: Some(Architecture {
        name: "gemma3",
        model_type: "gemma3_text",
        fields: &[
            llama::GGUF_FIELDS,
            &[
                ("rope_local_base_freq", "rope.freq_base_swa"),
                ("sliding_window", "attention.sliding_window"),
                ("sliding_window_pattern", "attention.sliding_window_pattern"),
                ("attn_logit_softcapping", "attn_logit_softcapping"),
                ("final_logit_softcapping", "final_logit_softcapping"),
            ],
        ],
        naming: &NAMING,
        complete: add_scalar,
        ..llama::GGUF
    }),
};

const NAMING: Naming = Naming {
    // Llama gives this name to the norm before the feed-forward layer.
    post_attn_norm: Some(name("post_attention_layernorm", "post_attention_norm")),
    mlp_norm: name("pre_feedforward_layernorm", "ffn_norm"),
    post_mlp_norm: Some(name("post_feedforward_layernorm", "post_ffw_norm")),
    norms: NormKind::WeightLessOne,
    carries_nothing: |name| llama::is_rotation(name) || sees_images(name),
    ..llama::NAMING
};

/// The largest cap of scores or logits.
const MAX_SOFTCAP: f32 = 1e6;
/// The largest number whose root divides the scores.
const MAX_SCALAR: f32 = 1e6;

/// The rotations of layers without a window and of layers with one.
const GLOBAL: usize = 0;
const LOCAL: usize = 1;

/// The number of layers of Gemma 3 27B. It alone scales its attention scores by hidden_size / num_heads instead of by
/// the head's width. A GGUF file does not say so, so the number of layers identifies the model.
const LAYERS_OF_27B: u64 = 62;

fn read(outer: &Config<'_>) -> Result<DecoderSpec> {
    let completed;
    let config = match outer.object("text_config")? {
        Some(text) => {
            completed = Value::Object(with_defaults(text, outer));
            &Config::new(&completed, outer.file())?
        }
        None => outer,
    };
    let num_layers = config.size("num_hidden_layers", MAX_LAYERS)?;
    let hidden_size = config.size("hidden_size", MAX_HIDDEN_SIZE)?;
    let vocab_size = config.size("vocab_size", MAX_VOCAB_SIZE)?;
    let (num_heads, num_kv_heads) = heads(config)?;
    let head_dim = config.optional_size("head_dim", MAX_HEAD_DIM)?.unwrap_or(256);
    check_head_dim(config, head_dim)?;
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
    let global = Rope::from_config(config, head_dim, "full_attention", ("rope_theta", 1_000_000.0, true))?;
    let local =
        Rope::from_config(config, head_dim, "sliding_attention", ("rope_local_base_freq", 10_000.0, false))?;
    Ok(DecoderSpec {
        family: &GEMMA3,
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
        layers: layers(config, num_layers)?,
        attention_softcap: softcap(config, "attn_logit_softcapping")?,
        logit_softcap: softcap(config, "final_logit_softcapping")?,
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

/// If the file does not list each layer's type, one of so many layers has no window.
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

/// Adds the family's defaults, which a `text_config` leaves out. The ids of special tokens may be beside it.
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

/// Adds to the fields of a GGUF file the width of a head, or hidden_size / num_heads for the largest model.
fn add_scalar(fields: &mut Map<String, Value>) {
    let number = |field: &str| fields.get(field).and_then(Value::as_u64);
    let of_27b = || {
        let (hidden_size, heads) = (number("hidden_size")?, number("num_attention_heads")?);
        (number("num_hidden_layers")? == LAYERS_OF_27B).then(|| hidden_size.checked_div(heads))?
    };
    let scalar = of_27b().or_else(|| number("head_dim")).unwrap_or(256);
    fields.insert("query_pre_attn_scalar".into(), scalar.into());
}

/// Whether a tensor belongs to the vision part.
fn sees_images(name: &str) -> bool {
    let name = name.strip_prefix("model.").unwrap_or(name);
    ["vision_tower.", "multi_modal_projector."].iter().any(|part| name.starts_with(part))
}
