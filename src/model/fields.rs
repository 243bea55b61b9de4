//! Sorts the fields of `config.json` into those that a family reads and those that change nothing, and refuses the
//! others. Each family lists its own.
//!
//! transformers keeps an unknown field and ignores it. Another program, or code that comes with the model, may compute
//! something else because of it. Here, a field that the family neither reads nor knows to change nothing is an error. A
//! value that is null, false or empty asks for nothing, so it is allowed.

use std::borrow::Cow;

use serde_json::Value;

use super::config::Config;
use crate::weights::{FILE_KEYS, excerpt};
use crate::{Error, Result};

/// The fields of a family.
pub(super) struct Known {
    /// The fields that [`super::spec::from_config`] reads.
    pub read: &'static [&'static [&'static str]],
    /// The fields that are harmless with one of these values only.
    pub neutral: &'static [(&'static str, &'static [Neutral])],
}

/// A value with which a field changes nothing.
#[derive(Clone, Copy)]
pub(super) enum Neutral {
    Number(f64),
    True,
}

impl Neutral {
    fn is(self, value: &Value) -> bool {
        match self {
            Self::Number(number) => value.as_f64() == Some(number),
            Self::True => value.as_bool() == Some(true),
        }
    }
}

/// The fields that every family reads.
pub(super) const ALL: &[&str] = &[
    "architectures",
    "bos_token_id",
    "eos_token_id",
    "model_type",
    "tie_word_embeddings",
    "vocab_size",
    // The names of the other fields in a GGUF file.
    FILE_KEYS,
];

/// The fields that Llama and related families read.
pub(super) const ROTARY: &[&str] = &[
    "head_dim",
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "layer_types",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "partial_rotary_factor",
    "rms_norm_eps",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
];

/// Fields of any family that do not multiply, share or route anything if they have one of these values.
const NEUTRAL: &[(&str, &[Neutral])] = &[
    ("embedding_multiplier", &[Neutral::Number(1.0)]),
    ("is_causal", &[Neutral::True]),
    ("logit_scale", &[Neutral::Number(1.0)]),
    ("logits_scaling", &[Neutral::Number(1.0)]),
    ("residual_multiplier", &[Neutral::Number(1.0)]),
    ("rope_percent", &[Neutral::Number(1.0)]),
    ("rotary_pct", &[Neutral::Number(1.0)]),
];

/// The fields for the number of experts. Several kinds of models have one.
const EXPERTS: &[&str] = &[
    "moe_num_experts",
    "n_routed_experts",
    "n_shared_experts",
    "num_experts",
    "num_experts_per_tok",
    "num_local_experts",
    "num_shared_experts",
];

/// Fields that change no logit.
const HARMLESS: &[&str] = &[
    // Training.
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_pdrop",
    "classifier_dropout",
    "embd_pdrop",
    "embedding_dropout",
    "gradient_checkpointing",
    "hidden_dropout",
    "hidden_dropout_prob",
    "initializer_range",
    "neftune_noise_alpha",
    "output_router_logits",
    "resid_pdrop",
    "router_aux_loss_coef",
    "unsloth_fixed",
    "unsloth_version",
    // The order and the number type of computations. Here the type is always f32.
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_attn_implementation_internal",
    "_experts_implementation",
    "_flash_attn_2_enabled",
    "attn_implementation",
    "chunk_size_feed_forward",
    "dtype",
    "pretraining_tp",
    "torch_dtype",
    "torchscript",
    "use_bfloat16",
    "use_cache",
    "use_flash_attention",
    "use_flash_attn",
    // Names, versions, and the choice of outputs.
    "_commit_hash",
    "is_llama_config",
    "language",
    "license",
    "model_name",
    "_name_or_path",
    "name_or_path",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "return_dict",
    "tokenizer_class",
    "transformers.js_config",
    "transformers_version",
    "trust_remote_code",
    // The first layer whose window slides. Families with such a window read it.
    "max_window_layers",
    // Fields for the tokenizer, and numbers that repeat another field.
    "cls_token_id",
    "decoder_start_token_id",
    "eos_token",
    "mask_token_id",
    "max_seq_len",
    "max_sequence_length",
    "model_max_length",
    "n_special",
    "pad_token_id",
    "predict_special_tokens",
    "prefix",
    "sep_token_id",
    "unk_token_id",
    // Heads for other tasks. The model uses none of their tensors, and a message names them.
    "_num_labels",
    "finetuning_task",
    "id2label",
    "is_decoder",
    "label2id",
    "num_labels",
    "problem_type",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "task_specific_params",
    // The choice of tokens from the logits, in files older than generation_config.json.
    "assistant_confidence_threshold",
    "assistant_lookbehind",
    "bad_words_ids",
    "begin_suppress_tokens",
    "cache_implementation",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "epsilon_cutoff",
    "eta_cutoff",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "length_penalty",
    "max_length",
    "max_new_tokens",
    "min_length",
    "no_repeat_ngram_size",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_scores",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict_in_generate",
    "suppress_tokens",
    "target_lookbehind",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
];

/// Names the cause if the file itself says why the model cannot be computed: quantised tensors, experts, or code of its
/// own.
///
/// # Errors
/// Bad input with the cause.
pub(super) fn check_causes(config: &Config<'_>) -> Result<()> {
    let asks = |key: &str| config.get(key).filter(|value| !asks_for_nothing(value));
    let cause = |what: &str, key: &str, found: &str| {
        Error::input(format!("cannot use {}: {what}", config.file())).detail(format!("found {key} = {found}"))
    };
    for key in ["quantization", "quantization_config", "compression_config"] {
        let Some(value) = asks(key) else { continue };
        let error = match value.get("quant_method").and_then(Value::as_str) {
            Some(method) => {
                let what = format!("weights quantised by {} are not supported", name_of(method));
                cause(&what, &format!("{key}.quant_method"), &format!("{:?}", excerpt(method)))
            }
            None if key == "quantization" => {
                cause("weights quantised by MLX are not supported", key, &config.shown(key))
            }
            None => cause("quantised weights are not supported in safetensors", key, &config.shown(key)),
        };
        return Err(error.hint(
            "take the model in F32, F16 or BF16, or a GGUF file, whose quantised types are supported",
        ));
    }
    if let Some(key) =
        EXPERTS.iter().find(|key| config.get(key).is_some_and(|value| value.as_f64() != Some(0.0)))
    {
        return Err(cause("mixture of experts is not supported", key, &config.shown(key)));
    }
    match asks("auto_map") {
        None => Ok(()),
        Some(_) => {
            let what = "the model comes with code of its own, which is not run";
            Err(cause(what, "auto_map", &config.shown("auto_map")))
        }
    }
}

/// The name of a quantisation method in its authors' spelling.
fn name_of(method: &str) -> Cow<'_, str> {
    let name = match method {
        "gptq" => "GPTQ",
        "awq" => "AWQ",
        "bitsandbytes" => "bitsandbytes",
        "fp8" | "fbgemm_fp8" => "FP8",
        "mxfp4" => "MXFP4",
        "hqq" => "HQQ",
        "aqlm" => "AQLM",
        "eetq" => "EETQ",
        other => return excerpt(other),
    };
    name.into()
}

/// Refuses fields that the family does not read and that may change the result.
///
/// # Errors
/// Bad input that names the first such field and its value.
pub(super) fn check(config: &Config<'_>, known: &Known) -> Result<()> {
    for (key, value) in config.iter() {
        if known.read.iter().chain([&HARMLESS]).any(|list| list.contains(&key)) || EXPERTS.contains(&key) {
            continue;
        }
        match known.neutral.iter().chain(NEUTRAL).find(|(name, _)| *name == key) {
            Some((_, neutral)) if neutral.iter().any(|neutral| neutral.is(value)) => {}
            Some((_, [Neutral::Number(number), ..])) => return Err(config.wrong(key, &number.to_string())),
            Some(_) => return Err(config.wrong(key, "true")),
            None if asks_for_nothing(value) => {}
            None => {
                let (file, shown) = (config.file(), config.shown(key));
                let key = excerpt(key);
                return Err(Error::input(format!(
                    "cannot use {file}: {key} is not understood, and may change what the model computes"
                ))
                .detail(format!("found {key} = {shown}"))
                .hint("where it changes nothing, take it out of the file"));
            }
        }
    }
    Ok(())
}

fn asks_for_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// The biases that a `config.json` denies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NoBiases {
    pub attention: bool,
    pub mlp: bool,
}

impl NoBiases {
    /// Reads the fields that are present. If a field is missing, the tensors decide.
    pub fn of(config: &Value) -> Self {
        let says_no = |key: &str| {
            let inner = config.get("text_config").and_then(|text| text.get(key));
            inner.or_else(|| config.get(key)) == Some(&Value::Bool(false))
        };
        Self { attention: says_no("attention_bias"), mlp: says_no("mlp_bias") }
    }
}
