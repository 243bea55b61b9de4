//! Qwen 2 and 2.5: a Llama with biases on queries, keys and values, and with a window that slides in some layers.

use super::{Family, llama, mistral};
use crate::Result;
use crate::model::config::Config;
use crate::model::fields::{self, Known, Neutral};
use crate::model::spec::{DecoderSpec, MAX_LAYERS, Parts};
use crate::weights::Architecture;

/// Qwen 2 and 2.5 (arXiv:2407.10671).
pub(super) static QWEN2: Family = Family {
    name: "qwen2",
    model_types: &[("qwen2", "Qwen2ForCausalLM")],
    read,
    fields: Known {
        read: &[fields::ALL, fields::ROTARY, WINDOW],
        // Queries, keys and values always have biases.
        neutral: &[("attention_bias", &[Neutral::True])],
    },
    fields_around_text: None,
    naming: &llama::NAMING,
    gguf: Some(Architecture { name: "qwen2", model_type: "qwen2", ..llama::GGUF }),
};

/// The fields of the window. It only slides if `use_sliding_window` says so.
pub(super) const WINDOW: &[&str] = &["max_window_layers", "sliding_window", "use_sliding_window"];

fn read(config: &Config<'_>) -> Result<DecoderSpec> {
    let parts = Parts { qkv_bias: true, ..Parts::default() };
    llama::spec(config, &QWEN2, parts, |layer| window(config, layer))
}

/// The window of a layer. If it slides at all, it does so from layer `max_window_layers` on. Newer files list each
/// layer's type.
pub(super) fn window(config: &Config<'_>, layer_index: usize) -> Result<Option<usize>> {
    if !config.flag("use_sliding_window", false)? {
        return llama::agreed(config, layer_index, None);
    }
    let window = mistral::window(config)?;
    let slides = match config.layer_type(layer_index)? {
        Some(layer_type) => layer_type == "sliding_attention",
        None => layer_index >= config.count("max_window_layers", 28, MAX_LAYERS)?,
    };
    Ok(window.filter(|_| slides))
}
