//! GPT-2.

use super::Family;
use crate::Result;
use crate::model::config::Config;
use crate::model::fields::{self, Known};
use crate::model::spec::{
    Activation, DecoderSpec, LayerSpec, MAX_HIDDEN_SIZE, MAX_INTERMEDIATE_SIZE, MAX_LAYERS, MAX_NORM_EPS,
    MAX_SEQ_LEN, MAX_VOCAB_SIZE, Norm, Parts, Position,
};
use crate::weights::{Architecture, Layout, Naming, NormKind, Qkv, name};

/// GPT-2 (Radford et al. 2019).
pub(super) static GPT2: Family = Family {
    name: "gpt2",
    model_types: &[("gpt2", "GPT2LMHeadModel")],
    read,
    fields: Known {
        read: &[
            fields::ALL,
            &[
                "activation_function",
                "add_cross_attention",
                "layer_norm_epsilon",
                "n_ctx",
                "n_embd",
                "n_head",
                "n_inner",
                "n_layer",
                "n_positions",
                "scale_attn_by_inverse_layer_idx",
                "scale_attn_weights",
                // It only matters in half precision. Here attention is in f32.
                "reorder_and_upcast_attn",
            ],
        ],
        neutral: &[],
    },
    fields_around_text: None,
    naming: &NAMING,
    gguf: Some(Architecture {
        name: "gpt2",
        model_type: "gpt2",
        fields: &[&[
            ("n_embd", "embedding_length"),
            ("n_layer", "block_count"),
            ("n_inner", "feed_forward_length"),
            ("n_head", "attention.head_count"),
            ("n_positions", "context_length"),
            ("layer_norm_epsilon", "attention.layer_norm_epsilon"),
        ]],
        naming: &NAMING,
        interleaves: false,
        complete: |_| {},
    }),
};

const NAMING: Naming = Naming {
    prefixes: &["", "transformer."],
    embedding: name("wte", "token_embd"),
    positions: Some(name("wpe", "position_embd")),
    final_norm: name("ln_f", "output_norm"),
    layers: "h",
    attn_norm: name("ln_1", "attn_norm"),
    qkv: Qkv::Joined(name("attn.c_attn", "attn_qkv")),
    qk_norm: None,
    o_proj: name("attn.c_proj", "attn_output"),
    post_attn_norm: None,
    mlp_norm: name("ln_2", "ffn_norm"),
    up_proj: &[name("mlp.c_fc", "ffn_up")],
    down_proj: name("mlp.c_proj", "ffn_down"),
    post_mlp_norm: None,
    layout: Layout::Transposed,
    norms: NormKind::WeightAndBias,
    carries_nothing: is_mask,
};

fn read(config: &Config<'_>) -> Result<DecoderSpec> {
    let hidden_size = config.size("n_embd", MAX_HIDDEN_SIZE)?;
    let num_heads = config.size("n_head", hidden_size)?;
    if !hidden_size.is_multiple_of(num_heads) {
        return Err(config.wrong("n_head", &format!("a divisor of n_embd = {hidden_size}")));
    }
    let head_dim = hidden_size / num_heads;
    let num_layers = config.size("n_layer", MAX_LAYERS)?;
    let vocab_size = config.size("vocab_size", MAX_VOCAB_SIZE)?;
    // `n_ctx` is the older name, and many files have it beside `n_positions`.
    let max_seq_len = match config.optional_size("n_positions", MAX_SEQ_LEN)? {
        Some(max_seq_len) => max_seq_len,
        None if config.get("n_ctx").is_some() => config.size("n_ctx", MAX_SEQ_LEN)?,
        None => config.size("n_positions", MAX_SEQ_LEN)?,
    };
    if config.flag("add_cross_attention", false)? {
        return Err(config.wrong("add_cross_attention", "false: there is no encoder to attend to"));
    }

    Ok(DecoderSpec {
        family: &GPT2,
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
        activation: activation(config)?,
        norm: Norm::LayerNorm { eps: config.positive("layer_norm_epsilon", 1e-5, MAX_NORM_EPS)? },
        tied_head: config.flag("tie_word_embeddings", true)?,
        layers: layers(config, num_layers, head_dim)?,
        attention_softcap: None,
        logit_softcap: None,
        parts: Parts { qkv_bias: true, o_bias: true, mlp_bias: true, ..Parts::default() },
        bos_token_id: config.token_ids("bos_token_id", vocab_size)?.first().copied(),
        eos_token_ids: config.token_ids("eos_token_id", vocab_size)?,
    })
}

fn activation(config: &Config<'_>) -> Result<Activation> {
    match config.text("activation_function")? {
        None | Some("gelu_new" | "gelu_pytorch_tanh") => Ok(Activation::GeluTanh),
        Some("gelu") => Ok(Activation::GeluErf),
        Some(_) => Err(config.wrong("activation_function", "one of: gelu_new, gelu_pytorch_tanh, gelu")),
    }
}

/// The layers, whose scores are scaled by `1/√head_dim`, and with `scale_attn_by_inverse_layer_idx` also by
/// `1/(layer_index + 1)`.
///
/// `reorder_and_upcast_attn` only matters in half precision. Here attention is in f32.
fn layers(config: &Config<'_>, num_layers: usize, head_dim: usize) -> Result<Vec<LayerSpec>> {
    let scale = if config.flag("scale_attn_weights", true)? { 1.0 / (head_dim as f64).sqrt() } else { 1.0 };
    let by_layer = config.flag("scale_attn_by_inverse_layer_idx", false)?;
    Ok((0..num_layers)
        .map(|index| {
            let scale = if by_layer { scale / (index + 1) as f64 } else { scale };
            LayerSpec { attention_scale: scale as f32, window: None, rope: 0 }
        })
        .collect())
}

/// Whether a tensor is a causal mask, which older files have: `h.3.attn.bias` and `h.3.attn.masked_bias`.
fn is_mask(name: &str) -> bool {
    let name = name.strip_prefix("transformer.").unwrap_or(name);
    let part = name.strip_prefix("h.").and_then(|rest| rest.split_once('.'));
    part.is_some_and(|(_, part)| matches!(part, "attn.bias" | "attn.masked_bias"))
}
