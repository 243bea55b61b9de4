//! Lists the metadata keys that are read and those that change nothing, and refuses all others.
//!
//! llama.cpp ignores keys that it does not know. Here an unknown key of the architecture or the tokenizer is
//! an error, because it may change the results in another program. `general.*` describes the file, and other
//! namespaces (`quantize.imatrix.*`, a converter's own name) describe how the file was made. These do not
//! affect the results.

use super::metadata::{Metadata, Value};
use super::{Architecture, Field};
use crate::weights::excerpt;
use crate::{Error, Result};

/// Keys without a field of their own in `config.json`. [`super::config`] reads them.
const READ: &[&str] = &[
    "attention.value_length",
    "rope.dimension_count",
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scale_linear",
];

/// Keys of the architecture that do not change the logits.
const HARMLESS: &[&str] = &[
    // The embedding's shape says the same.
    "vocab_size",
    // They describe the origin of the model.
    "tensor_data_layout",
    "rope.scaling.finetuned",
    // Only YaRN and LongRoPE read it, and those are refused.
    "rope.scaling.original_context_length",
    // Only embedding models use it.
    "pooling_type",
];

/// Keys that change the results unless they have one of these values. A boolean counts as 0 or 1.
const NEUTRAL: &[(&str, &[f64])] = &[
    ("attention.causal", &[1.0]),
    ("attention.clamp_kqv", &[0.0]),
    ("attention.max_alibi_bias", &[0.0]),
    ("attention.scale", &[0.0]),
    ("attention.shared_kv_layers", &[0.0]),
    ("attention.sliding_window", &[0.0]),
    ("attn_logit_softcapping", &[0.0]),
    ("embedding_length_per_layer_input", &[0.0]),
    ("embedding_scale", &[0.0, 1.0]),
    ("expert_count", &[0.0]),
    ("expert_shared_count", &[0.0]),
    ("expert_used_count", &[0.0]),
    ("expert_weights_scale", &[0.0, 1.0]),
    ("final_logit_softcapping", &[0.0]),
    ("leading_dense_block_count", &[0.0]),
    ("logit_scale", &[0.0, 1.0]),
    ("nextn_predict_layers", &[0.0]),
    ("residual_scale", &[0.0, 1.0]),
    ("rope.scaling.attn_factor", &[0.0, 1.0]),
    ("rope.scaling.yarn_log_multiplier", &[0.0]),
    ("swin_norm", &[0.0]),
    ("use_parallel_residual", &[0.0]),
];

/// Keys of the tokenizer that are read.
const TOKENIZER_READ: &[&str] = &[
    "ggml.add_bos_token",
    "ggml.add_eos_token",
    "ggml.add_space_prefix",
    "ggml.bos_token_id",
    "ggml.eom_token_id",
    "ggml.eos_token_id",
    "ggml.eot_token_id",
    "ggml.merges",
    "ggml.model",
    "ggml.padding_token_id",
    "ggml.pre",
    "ggml.remove_extra_whitespaces",
    "ggml.scores",
    "ggml.token_type",
    "ggml.tokens",
    "ggml.unknown_token_id",
    "chat_template",
];

/// Keys of the tokenizer that do not change the ids of a text: tokens for special purposes, and copies of the
/// tokenizer in other forms.
const TOKENIZER_HARMLESS: &[&str] = &[
    "chat_templates",
    "ggml.add_sep_token",
    "ggml.cls_token_id",
    "ggml.fim_mid_token_id",
    "ggml.fim_pad_token_id",
    "ggml.fim_pre_token_id",
    "ggml.fim_rep_token_id",
    "ggml.fim_sep_token_id",
    "ggml.fim_suf_token_id",
    "ggml.mask_token_id",
    "ggml.middle_token_id",
    "ggml.prefix_token_id",
    "ggml.separator_token_id",
    "ggml.seperator_token_id",
    "ggml.suffix_token_id",
    "ggml.token_type_count",
    "huggingface.json",
    "rwkv.world",
];

/// Refuses files that are not a whole model: a part of a split file, an adapter, or an image encoder.
pub(super) fn check_kind(metadata: &Metadata) -> Result<()> {
    let label = metadata.label();
    let number = |key: &str| metadata.get(key).and_then(Value::as_u64);
    if let Some(count @ 2..) = number("split.count") {
        let part = number("split.no").unwrap_or(0).saturating_add(1);
        return Err(Error::input(format!(
            "cannot use {label}: it is part {part} of {count} of a split file"
        ))
        .detail(format!(
            "found split.no = {}, split.count = {count}, expected a whole file",
            metadata.shown("split.no")
        ))
        .hint("llama-gguf-split --merge FIRST-PART WHOLE.gguf, of llama.cpp, joins the parts"));
    }
    let architecture = metadata.text("general.architecture")?;
    match (metadata.text("general.type")?, architecture) {
        (Some("adapter"), _) => {
            Err(Error::input(format!("cannot use {label}: it is a LoRA adapter, not a model"))
                .detail("found general.type = \"adapter\", expected \"model\"")
                .hint("merge the adapter into its base model first"))
        }
        (Some("mmproj"), _) | (_, Some("clip")) => {
            Err(Error::input(format!("cannot use {label}: it is a model's image encoder (mmproj)"))
                .detail(format!(
                    "found general.type = {}, general.architecture = {}",
                    metadata.shown("general.type"),
                    metadata.shown("general.architecture")
                ))
                .hint("the language model is in another file, without mmproj in its name"))
        }
        (None | Some("model"), _) => Ok(()),
        (Some(_), _) => Err(metadata.wrong("general.type", "model")),
    }?;
    match number("general.quantization_version") {
        None | Some(2) => Ok(()),
        Some(_) => Err(metadata.wrong("general.quantization_version", "2, the current layout of blocks")),
    }
}

/// Refuses unknown keys of the architecture. `read` lists those that become fields of a `config.json`.
pub(super) fn check_architecture(
    metadata: &Metadata,
    architecture: &Architecture,
    read: &[Field],
) -> Result<()> {
    // Learned positions do not rotate.
    let rotary = if architecture.naming.positions.is_some() { &[] } else { READ };
    let architecture = architecture.name;
    if let Some(Value::Unsigned(1..)) = metadata.get(&format!("{architecture}.expert_count")) {
        let key = format!("{architecture}.expert_count");
        return Err(Error::input(format!(
            "cannot use {}: mixture of experts is not supported",
            metadata.label()
        ))
        .detail(format!("found {key} = {}, expected 0 or no such key", metadata.shown(&key))));
    }
    let own = |key: &str| key.strip_prefix(architecture).is_some_and(|rest| rest.starts_with('.'));
    for (key, value) in metadata.iter().filter(|(key, _)| own(key)) {
        let part = &key[architecture.len() + 1..];
        if read.iter().any(|(_, key)| *key == part) || rotary.contains(&part) || HARMLESS.contains(&part) {
            continue;
        }
        match NEUTRAL.iter().find(|(name, _)| *name == part) {
            Some((_, neutral)) if value.as_f64().is_some_and(|value| neutral.contains(&value)) => {}
            Some((_, neutral)) => {
                let neutral = Vec::from_iter(neutral.iter().map(ToString::to_string));
                return Err(metadata.wrong(key, &format!("{}, or no such key", neutral.join(" or "))));
            }
            None => return Err(unknown(metadata, key, "may change what the model computes")),
        }
    }
    Ok(())
}

/// Refuses unknown keys of the tokenizer.
pub(super) fn check_tokenizer(metadata: &Metadata) -> Result<()> {
    for (key, _) in metadata.iter() {
        let Some(part) = key.strip_prefix("tokenizer.") else { continue };
        let known = [TOKENIZER_READ, TOKENIZER_HARMLESS].iter().any(|list| list.contains(&part));
        if !known && !part.starts_with("chat_template.") {
            return Err(unknown(metadata, key, "may change the tokens of a text"));
        }
    }
    Ok(())
}

fn unknown(metadata: &Metadata, key: &str, what: &str) -> Error {
    let shown = excerpt(key);
    Error::input(format!("cannot use {}: {shown} is unknown and {what}", metadata.label()))
        .detail(format!("found {shown} = {}", metadata.shown(key)))
}
