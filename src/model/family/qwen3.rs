//! Qwen 3: a Llama with normed queries and keys, and with the window of Qwen 2.

use super::{Family, llama, qwen2};
use crate::Result;
use crate::model::config::Config;
use crate::model::fields::{self, Known};
use crate::model::spec::{DecoderSpec, Parts};
use crate::weights::Architecture;

/// Qwen 3 (arXiv:2505.09388).
pub(super) static QWEN3: Family = Family {
    name: "qwen3",
    model_types: &[("qwen3", "Qwen3ForCausalLM")],
    read,
    fields: Known { read: &[fields::ALL, fields::ROTARY, qwen2::WINDOW, &["attention_bias"]], neutral: &[] },
    fields_around_text: None,
    naming: &llama::NAMING,
    gguf: Some(Architecture { name: "qwen3", model_type: "qwen3", ..llama::GGUF }),
};

fn read(config: &Config<'_>) -> Result<DecoderSpec> {
    let attention_bias = config.flag("attention_bias", false)?;
    let parts = Parts { qkv_bias: attention_bias, o_bias: attention_bias, qk_norm: true, ..Parts::default() };
    llama::spec(config, &QWEN3, parts, |layer| qwen2::window(config, layer))
}
