//! GPT-2: `config.json` to [`DecoderSpec`], and the names of its tensors.

use serde_json::Value;

use super::config::Config;
use super::loader::{Files, Layout, Loader, NormKind};
use super::spec::{
    Activation, DecoderSpec, Family, LayerSpec, MAX_HIDDEN_SIZE, MAX_INTERMEDIATE_SIZE, MAX_LAYERS,
    MAX_NORM_EPS, MAX_SEQ_LEN, MAX_VOCAB_SIZE, Norm, Parts, Position,
};
use super::weights::{DecoderWeights, LayerWeights};
use crate::{Device, Result};

/// Reads a GPT-2's `config.json`; messages call it `file`.
///
/// # Errors
///
/// Bad input where a field is missing, out of range or asks for something that is not supported.
pub fn spec(config: &Value, file: &str) -> Result<DecoderSpec> {
    let config = Config::new(config, file)?;
    let hidden_size = config.size("n_embd", MAX_HIDDEN_SIZE)?;
    let num_heads = config.size("n_head", hidden_size)?;
    if !hidden_size.is_multiple_of(num_heads) {
        return Err(config.wrong("n_head", &format!("a divisor of n_embd = {hidden_size}")));
    }
    let head_dim = hidden_size / num_heads;
    let num_layers = config.size("n_layer", MAX_LAYERS)?;
    let vocab_size = config.size("vocab_size", MAX_VOCAB_SIZE)?;
    // `n_ctx` is the older name, and stands beside `n_positions` in many files.
    let max_seq_len = match config.optional_size("n_positions", MAX_SEQ_LEN)? {
        Some(max_seq_len) => max_seq_len,
        None if config.get("n_ctx").is_some() => config.size("n_ctx", MAX_SEQ_LEN)?,
        None => config.size("n_positions", MAX_SEQ_LEN)?,
    };
    if config.flag("add_cross_attention", false)? {
        return Err(config.wrong("add_cross_attention", "false: there is no encoder to attend to"));
    }

    Ok(DecoderSpec {
        family: Family::Gpt2,
        vocab_size,
        hidden_size,
        intermediate_size: config.optional_size("n_inner", MAX_INTERMEDIATE_SIZE)?.unwrap_or(4 * hidden_size),
        num_layers,
        num_heads,
        num_kv_heads: num_heads,
        head_dim,
        max_seq_len,
        position: Position::Learned,
        embedding_scale: 1.0,
        activation: activation(&config)?,
        norm: Norm::LayerNorm { eps: config.positive("layer_norm_epsilon", 1e-5, MAX_NORM_EPS)? },
        tied_head: config.flag("tie_word_embeddings", true)?,
        layers: layers(&config, num_layers, head_dim)?,
        attention_softcap: None,
        logit_softcap: None,
        parts: Parts { qkv_bias: true, o_bias: true, mlp_bias: true, ..Parts::default() },
        bos_token_id: config.token_ids("bos_token_id", vocab_size)?.first().copied(),
        eos_token_ids: config.token_ids("eos_token_id", vocab_size)?,
    })
}

fn activation(config: &Config) -> Result<Activation> {
    match config.text("activation_function")? {
        None | Some("gelu_new" | "gelu_pytorch_tanh") => Ok(Activation::GeluTanh),
        Some("gelu") => Ok(Activation::GeluErf),
        Some(_) => Err(config.wrong("activation_function", "one of: gelu_new, gelu_pytorch_tanh, gelu")),
    }
}

/// `1/√head_dim`, and with `scale_attn_by_inverse_layer_idx` also `1/(layer_index + 1)`.
///
/// `reorder_and_upcast_attn` changes only where half precision is left, and attention is in f32 here anyway.
fn layers(config: &Config, num_layers: usize, head_dim: usize) -> Result<Vec<LayerSpec>> {
    let scale = if config.flag("scale_attn_weights", true)? { 1.0 / (head_dim as f64).sqrt() } else { 1.0 };
    let by_layer = config.flag("scale_attn_by_inverse_layer_idx", false)?;
    Ok((0..num_layers)
        .map(|index| {
            let scale = if by_layer { scale / (index + 1) as f64 } else { scale };
            LayerSpec { attention_scale: scale as f32, window: None, rope: 0 }
        })
        .collect())
}

/// Reads a GPT-2's tensors, whose names may have the prefix `transformer.` and whose projections are Conv1D,
/// `[in_features, out_features]`.
pub(super) fn load(
    device: &Device,
    spec: &DecoderSpec,
    files: Files<'_>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<DecoderWeights> {
    let mut loader = Loader::new(
        device,
        files,
        spec.head_dim,
        (&["", "transformer."], "wte.weight"),
        NormKind::WeightAndBias,
        progress,
    );
    let hidden_size = ("hidden_size", spec.hidden_size);
    let intermediate_size = ("intermediate_size", spec.intermediate_size);
    let vocab_size = ("vocab_size", spec.vocab_size);
    let embedding = loader.matrix("wte.weight", vocab_size, hidden_size, Layout::AsIs)?;
    let positions =
        loader.matrix("wpe.weight", ("max_seq_len", spec.max_seq_len), hidden_size, Layout::AsIs)?;
    let layout = Layout::Transposed;
    let mut layers = Vec::with_capacity(spec.num_layers);
    for index in 0..spec.num_layers {
        let qkv_size = ("3 * hidden_size", 3 * spec.hidden_size);
        let name = |part: &str| format!("h.{index}.{part}");
        layers.push(LayerWeights {
            attn_norm: loader.norm(&name("ln_1"), hidden_size)?,
            qkv_proj: loader.linear(&[(&name("attn.c_attn"), qkv_size)], hidden_size, layout, true)?,
            qk_norm: None,
            o_proj: loader.linear(&[(&name("attn.c_proj"), hidden_size)], hidden_size, layout, true)?,
            post_attn_norm: None,
            mlp_norm: loader.norm(&name("ln_2"), hidden_size)?,
            up_proj: loader.linear(&[(&name("mlp.c_fc"), intermediate_size)], hidden_size, layout, true)?,
            down_proj: loader.linear(
                &[(&name("mlp.c_proj"), hidden_size)],
                intermediate_size,
                layout,
                true,
            )?,
            post_mlp_norm: None,
        });
    }
    let final_norm = loader.norm("ln_f", hidden_size)?;
    let lm_head = loader.head(&embedding, "wte.weight", spec.tied_head, vocab_size, hidden_size)?;
    loader.finish(is_mask)?;
    Ok(DecoderWeights { embedding, positions: Some(positions), layers, final_norm, lm_head })
}

/// The causal masks that older files carry as tensors: `h.3.attn.bias` and `h.3.attn.masked_bias`.
fn is_mask(name: &str) -> bool {
    let name = name.strip_prefix("transformer.").unwrap_or(name);
    let part = name.strip_prefix("h.").and_then(|rest| rest.split_once('.'));
    part.is_some_and(|(_, part)| matches!(part, "attn.bias" | "attn.masked_bias"))
}
