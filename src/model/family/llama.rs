//! Llama, and the parts that related families share with it.

use super::Family;
use crate::Result;
use crate::model::config::Config;
use crate::model::fields::{self, Known};
use crate::model::rope::Rope;
use crate::model::spec::{
    Activation, DecoderSpec, LayerSpec, MAX_HIDDEN_SIZE, MAX_INTERMEDIATE_SIZE, MAX_LAYERS, MAX_NORM_EPS,
    MAX_SEQ_LEN, MAX_VOCAB_SIZE, Norm, Parts, Position,
};
use crate::weights::{Architecture, Field, Layout, Naming, NormKind, Qkv, name};

/// Llama 2 and 3 (arXiv:2307.09288, arXiv:2407.21783).
pub(super) static LLAMA: Family = Family {
    name: "llama",
    model_types: &[("llama", "LlamaForCausalLM")],
    read,
    fields: Known { read: &[fields::ALL, fields::ROTARY, &["attention_bias", "mlp_bias"]], neutral: &[] },
    fields_around_text: None,
    naming: &NAMING,
    gguf: Some(Architecture { name: "llama", model_type: "llama", interleaves: true, ..GGUF }),
};

/// The tensors of Llama and related families.
pub(super) const NAMING: Naming = Naming {
    // The second and the third are those of the text part of a model for images.
    prefixes: &["model.", "language_model.model.", "model.language_model.", ""],
    embedding: name("embed_tokens", "token_embd"),
    positions: None,
    final_norm: name("norm", "output_norm"),
    layers: "layers",
    attn_norm: name("input_layernorm", "attn_norm"),
    qkv: Qkv::Separate([
        name("self_attn.q_proj", "attn_q"),
        name("self_attn.k_proj", "attn_k"),
        name("self_attn.v_proj", "attn_v"),
    ]),
    qk_norm: Some([name("self_attn.q_norm", "attn_q_norm"), name("self_attn.k_norm", "attn_k_norm")]),
    o_proj: name("self_attn.o_proj", "attn_output"),
    post_attn_norm: None,
    mlp_norm: name("post_attention_layernorm", "ffn_norm"),
    up_proj: &[name("mlp.gate_proj", "ffn_gate"), name("mlp.up_proj", "ffn_up")],
    down_proj: name("mlp.down_proj", "ffn_down"),
    post_mlp_norm: None,
    layout: Layout::AsIs,
    norms: NormKind::Weight,
    carries_nothing: is_rotation,
};

/// The common part of GGUF files for families related to Llama. A family sets its own name and `model_type`.
pub(super) const GGUF: Architecture = Architecture {
    name: "",
    model_type: "",
    fields: &[GGUF_FIELDS],
    naming: &NAMING,
    interleaves: false,
    complete: |_| {},
};

pub(super) const GGUF_FIELDS: &[Field] = &[
    ("hidden_size", "embedding_length"),
    ("num_hidden_layers", "block_count"),
    ("intermediate_size", "feed_forward_length"),
    ("num_attention_heads", "attention.head_count"),
    ("num_key_value_heads", "attention.head_count_kv"),
    ("head_dim", "attention.key_length"),
    ("max_position_embeddings", "context_length"),
    ("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
    ("rope_theta", "rope.freq_base"),
];

/// The largest width of a head.
pub(super) const MAX_HEAD_DIM: usize = 1 << 12;

fn read(config: &Config<'_>) -> Result<DecoderSpec> {
    let attention_bias = config.flag("attention_bias", false)?;
    let mlp_bias = config.flag("mlp_bias", false)?;
    let parts = Parts { qkv_bias: attention_bias, o_bias: attention_bias, mlp_bias, ..Parts::default() };
    spec(config, &LLAMA, parts, |layer| agreed(config, layer, None))
}

/// Returns the window of a layer. Its entry in `layer_types` has to agree, if there is one.
pub(super) fn agreed(
    config: &Config<'_>,
    layer_index: usize,
    window: Option<usize>,
) -> Result<Option<usize>> {
    let kind = if window.is_some() { "sliding_attention" } else { "full_attention" };
    match config.layer_type(layer_index)? {
        Some(layer_type) if layer_type != kind => {
            let expected = format!("{kind} for each layer; layer {layer_index} has {layer_type:?}");
            Err(config.wrong("layer_types", &expected))
        }
        _ => Ok(window),
    }
}

/// Reads the spec of a family related to Llama, with the `parts` that the family has and the `window` of each layer.
pub(super) fn spec(
    config: &Config<'_>,
    family: &'static Family,
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

/// Reads the numbers of query heads and of key-value heads.
pub(super) fn heads(config: &Config<'_>) -> Result<(usize, usize)> {
    let num_heads = config.size("num_attention_heads", MAX_HIDDEN_SIZE)?;
    let num_kv_heads = config.optional_size("num_key_value_heads", num_heads)?.unwrap_or(num_heads);
    if !num_heads.is_multiple_of(num_kv_heads) {
        let expected = format!("a divisor of num_attention_heads = {num_heads}");
        return Err(config.wrong("num_key_value_heads", &expected));
    }
    Ok((num_heads, num_kv_heads))
}

/// Checks that the head has two halves, which rotary positions pair.
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

/// Whether a tensor has the angles of rotations, which the configuration gives too. Old GGUF files have the second kind
/// of name.
pub(super) fn is_rotation(name: &str) -> bool {
    name.ends_with("rotary_emb.inv_freq") || name.starts_with("blk.") && name.ends_with(".attn_rot_embd")
}
