//! Llama and its kin (Mistral, Qwen 2, Qwen 3): `config.json` to [`DecoderSpec`], and the names of their tensors, which
//! Gemma 3 shares.

use serde_json::Value;

use super::config::Config;
use super::loader::{Files, Layout, Loader, NormKind};
use super::rope::Rope;
use super::spec::{
    Activation, DecoderSpec, Family, LayerSpec, MAX_HIDDEN_SIZE, MAX_INTERMEDIATE_SIZE, MAX_LAYERS,
    MAX_NORM_EPS, MAX_SEQ_LEN, MAX_VOCAB_SIZE, Norm, Parts, Position,
};
use super::weights::{DecoderWeights, LayerWeights};
use crate::weights::Weights;
use crate::{Device, Result};

/// Widest head.
pub(super) const MAX_HEAD_DIM: usize = 1 << 12;

/// Reads a Llama's `config.json`; messages call it `file`.
///
/// # Errors
/// If a field is missing, out of range or asks for something that is not supported.
pub fn llama(config: &Value, file: &str) -> Result<DecoderSpec> {
    let fields = Config::new(config, file)?;
    let attention_bias = fields.flag("attention_bias", false)?;
    let mlp_bias = fields.flag("mlp_bias", false)?;
    let parts = Parts { qkv_bias: attention_bias, o_bias: attention_bias, mlp_bias, ..Parts::default() };
    spec(&fields, Family::Llama, parts, |layer| agreed(&fields, layer, None))
}

/// Reads a Mistral's `config.json`: a Llama with a sliding window.
///
/// # Errors
/// As [`llama`].
pub fn mistral(config: &Value, file: &str) -> Result<DecoderSpec> {
    let fields = Config::new(config, file)?;
    let window = window(&fields)?;
    spec(&fields, Family::Mistral, Parts::default(), |layer| agreed(&fields, layer, window))
}

/// Reads a Qwen 2's or 2.5's `config.json`: a Llama with biases on queries, keys and values.
///
/// # Errors
/// As [`llama`].
pub fn qwen2(config: &Value, file: &str) -> Result<DecoderSpec> {
    let fields = Config::new(config, file)?;
    let parts = Parts { qkv_bias: true, ..Parts::default() };
    spec(&fields, Family::Qwen2, parts, |layer| qwen_window(&fields, layer))
}

/// Reads a Qwen 3's `config.json`: a Llama with normed queries and keys.
///
/// # Errors
/// As [`llama`].
pub fn qwen3(config: &Value, file: &str) -> Result<DecoderSpec> {
    let fields = Config::new(config, file)?;
    let attention_bias = fields.flag("attention_bias", false)?;
    let parts = Parts { qkv_bias: attention_bias, o_bias: attention_bias, qk_norm: true, ..Parts::default() };
    spec(&fields, Family::Qwen3, parts, |layer| qwen_window(&fields, layer))
}

/// How far a token sees: 4,096 positions where the field is missing, everything where it is null.
fn window(config: &Config<'_>) -> Result<Option<usize>> {
    match config.optional_size("sliding_window", MAX_SEQ_LEN)? {
        None if !config.has("sliding_window") => Ok(Some(4096)),
        window => Ok(window),
    }
}

/// The window of a layer, where its entry in `layer_types` says the same, or there is none.
fn agreed(config: &Config<'_>, layer_index: usize, window: Option<usize>) -> Result<Option<usize>> {
    let kind = if window.is_some() { "sliding_attention" } else { "full_attention" };
    match config.layer_type(layer_index)? {
        Some(layer_type) if layer_type != kind => {
            let expected = format!("{kind} for each layer; layer {layer_index} has {layer_type:?}");
            Err(config.wrong("layer_types", &expected))
        }
        _ => Ok(window),
    }
}

/// Qwen slides the window from layer `max_window_layers` on, where it does so at all; newer files list each layer's type.
fn qwen_window(config: &Config<'_>, layer_index: usize) -> Result<Option<usize>> {
    if !config.flag("use_sliding_window", false)? {
        return agreed(config, layer_index, None);
    }
    let window = window(config)?;
    let slides = match config.layer_type(layer_index)? {
        Some(layer_type) => layer_type == "sliding_attention",
        None => layer_index >= config.count("max_window_layers", 28, MAX_LAYERS)?,
    };
    Ok(window.filter(|_| slides))
}

fn spec(
    config: &Config<'_>,
    family: Family,
    parts: Parts,
    window: impl Fn(usize) -> Result<Option<usize>>,
) -> Result<DecoderSpec> {
    let hidden_size = config.size("hidden_size", MAX_HIDDEN_SIZE)?;
    let num_layers = config.size("num_hidden_layers", MAX_LAYERS)?;
    let (num_heads, num_kv_heads) = heads(config)?;
    let head_dim = match config.optional_size("head_dim", MAX_HEAD_DIM)? {
        Some(head_dim) => head_dim,
        None if hidden_size.is_multiple_of(num_heads) => hidden_size / num_heads,
        None => {
            return Err(
                config.wrong("num_attention_heads", &format!("a divisor of hidden_size = {hidden_size}"))
            );
        }
    };
    check_head_dim(config, head_dim)?;
    match config.text("hidden_act")? {
        None | Some("silu") => {}
        Some(_) => return Err(config.wrong("hidden_act", "silu")),
    }
    let vocab_size = config.size("vocab_size", MAX_VOCAB_SIZE)?;
    let rope = Rope::from_config(config, head_dim, "full_attention", ("rope_theta", 10_000.0, true))?;
    if let Some(parameters) = config.object("rope_parameters")?
        && let Some(own) = parameters.get("sliding_attention")
        && Some(own) != parameters.get("full_attention")
    {
        return Err(config.wrong("rope_parameters", "one rotation for all layers"));
    }
    let mut layers = Vec::with_capacity(num_layers);
    for index in 0..num_layers {
        let attention_scale = (1.0 / (head_dim as f64).sqrt()) as f32;
        layers.push(LayerSpec { attention_scale, window: window(index)?, rope: 0 });
    }
    Ok(DecoderSpec {
        family,
        vocab_size,
        hidden_size,
        intermediate_size: config.size("intermediate_size", MAX_INTERMEDIATE_SIZE)?,
        num_layers,
        num_heads,
        num_kv_heads,
        head_dim,
        max_seq_len: config.size("max_position_embeddings", MAX_SEQ_LEN)?,
        position: Position::Rope(vec![rope]),
        embedding_scale: 1.0,
        activation: Activation::SwiGlu,
        norm: Norm::RmsNorm { eps: config.positive("rms_norm_eps", 1e-6, MAX_NORM_EPS)? },
        tied_head: config.flag("tie_word_embeddings", false)?,
        layers,
        attention_softcap: None,
        logit_softcap: None,
        parts,
        bos_token_id: config.token_ids("bos_token_id", vocab_size)?.first().copied(),
        eos_token_ids: config.token_ids("eos_token_id", vocab_size)?,
    })
}

/// Query heads and key-value heads.
pub(super) fn heads(config: &Config<'_>) -> Result<(usize, usize)> {
    let num_heads = config.size("num_attention_heads", MAX_HIDDEN_SIZE)?;
    let num_kv_heads = config.optional_size("num_key_value_heads", num_heads)?.unwrap_or(num_heads);
    if !num_heads.is_multiple_of(num_kv_heads) {
        let expected = format!("a divisor of num_attention_heads = {num_heads}");
        return Err(config.wrong("num_key_value_heads", &expected));
    }
    Ok((num_heads, num_kv_heads))
}

/// Rotary positions pair the two halves of a head.
pub(super) fn check_head_dim(config: &Config<'_>, head_dim: usize) -> Result<()> {
    if head_dim.is_multiple_of(2) {
        return Ok(());
    }
    Err(match config.get("head_dim") {
        Some(_) => config.wrong("head_dim", "an even number"),
        None => {
            let expected = format!("hidden_size / num_attention_heads = {head_dim} to be even");
            config.wrong("num_attention_heads", &expected)
        }
    })
}

/// Reads the tensors of a Llama, of its kin, or of a Gemma 3.
pub(super) fn load(
    device: &Device,
    spec: &DecoderSpec,
    files: Files<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<DecoderWeights> {
    // The second and third: the text part of a model that also sees images.
    let prefixes = ["model.", "language_model.model.", "model.language_model.", ""];
    // GGUF adds the 1 itself.
    let norms = match files.weights {
        Weights::Safetensors(_) if spec.family == Family::Gemma3 => NormKind::WeightLessOne,
        _ => NormKind::Weight,
    };
    let mut loader =
        Loader::new(device, files, spec.head_dim, (&prefixes, "embed_tokens.weight"), norms, progress);
    let parts = spec.parts;
    let layout = Layout::AsIs;
    let hidden_size = ("hidden_size", spec.hidden_size);
    let intermediate_size = ("intermediate_size", spec.intermediate_size);
    let vocab_size = ("vocab_size", spec.vocab_size);
    let head_dim = ("head_dim", spec.head_dim);
    let q_size = ("num_heads * head_dim", spec.num_heads * spec.head_dim);
    let kv_size = ("num_kv_heads * head_dim", spec.num_kv_heads * spec.head_dim);
    let embedding = loader.matrix("embed_tokens.weight", vocab_size, hidden_size, layout)?;
    let mut layers = Vec::with_capacity(spec.num_layers);
    for index in 0..spec.num_layers {
        let name = |part: &str| format!("layers.{index}.{part}");
        let qkv = [
            (&*name("self_attn.q_proj"), q_size),
            (&*name("self_attn.k_proj"), kv_size),
            (&*name("self_attn.v_proj"), kv_size),
        ];
        let up = [(&*name("mlp.gate_proj"), intermediate_size), (&*name("mlp.up_proj"), intermediate_size)];
        let qk_norm = if parts.qk_norm {
            let q_norm = loader.norm_weight(&name("self_attn.q_norm.weight"), head_dim)?;
            Some((q_norm, loader.norm_weight(&name("self_attn.k_norm.weight"), head_dim)?))
        } else {
            None
        };
        // One name for two things: Llama's norm before the feed-forward layer, Gemma's norm after attention.
        let second_norm = loader.norm(&name("post_attention_layernorm"), hidden_size)?;
        let (post_attn_norm, mlp_norm, post_mlp_norm) = if parts.post_norms {
            let mlp_norm = loader.norm(&name("pre_feedforward_layernorm"), hidden_size)?;
            let post_mlp_norm = loader.norm(&name("post_feedforward_layernorm"), hidden_size)?;
            (Some(second_norm), mlp_norm, Some(post_mlp_norm))
        } else {
            (None, second_norm, None)
        };
        layers.push(LayerWeights {
            attn_norm: loader.norm(&name("input_layernorm"), hidden_size)?,
            qkv_proj: loader.linear(&qkv, hidden_size, layout, parts.qkv_bias)?,
            qk_norm,
            o_proj: loader.linear(
                &[(&name("self_attn.o_proj"), hidden_size)],
                q_size,
                layout,
                parts.o_bias,
            )?,
            post_attn_norm,
            mlp_norm,
            up_proj: loader.linear(&up, hidden_size, layout, parts.mlp_bias)?,
            down_proj: loader.linear(
                &[(&name("mlp.down_proj"), hidden_size)],
                intermediate_size,
                layout,
                parts.mlp_bias,
            )?,
            post_mlp_norm,
        });
    }
    let final_norm = loader.norm("norm", hidden_size)?;
    let lm_head = loader.head(&embedding, "embed_tokens.weight", spec.tied_head, vocab_size, hidden_size)?;
    loader.finish(|name| carries_nothing(name, spec.family))?;
    Ok(DecoderWeights { embedding, positions: None, layers, final_norm, lm_head })
}

/// Tensors that a text's logits do not depend on: angles of rotations, which the configuration gives, and what sees images.
fn carries_nothing(name: &str, family: Family) -> bool {
    let images = ["vision_tower.", "multi_modal_projector."];
    name.ends_with("rotary_emb.inv_freq")
        // The same in old GGUF files.
        || name.starts_with("blk.") && name.ends_with(".attn_rot_embd")
        || family == Family::Gemma3 && images.iter().any(|part| {
            name.strip_prefix("model.").unwrap_or(name).starts_with(part)
        })
}
