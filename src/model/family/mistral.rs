//! Mistral: a Llama with a sliding window. Its GGUF files name the architecture of Llama.

use super::{Family, llama};
use crate::Result;
use crate::model::config::Config;
use crate::model::fields::{self, Known};
use crate::model::spec::{DecoderSpec, MAX_SEQ_LEN, Parts};

/// Mistral (Jiang et al. 2023, arXiv:2310.06825).
pub(super) static MISTRAL: Family = Family {
    name: "mistral",
    model_types: &[("mistral", "MistralForCausalLM")],
    read,
    fields: Known { read: &[fields::ALL, fields::ROTARY, &["sliding_window"]], neutral: &[] },
    fields_around_text: None,
    naming: &llama::NAMING,
    gguf: None,
};

fn read(config: &Config<'_>) -> Result<DecoderSpec> {
    let window = window(config)?;
    llama::spec(config, &MISTRAL, Parts::default(), |layer| llama::agreed(config, layer, window))
}

/// The number of positions that a token sees: 4,096 if the field is missing, and all if it is null.
pub(super) fn window(config: &Config<'_>) -> Result<Option<usize>> {
    match config.optional_size("sliding_window", MAX_SEQ_LEN)? {
        None if !config.has("sliding_window") => Ok(Some(4096)),
        window => Ok(window),
    }
}
