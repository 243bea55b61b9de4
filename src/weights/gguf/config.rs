//! Converts GGUF's metadata to the fields of a `config.json`, so that the same functions read both.

use serde_json::{Map, Value as Json, json};

use super::super::Dtype;
use super::metadata::Value;
use super::{Field, Gguf, keys};
use crate::{Error, Result};

/// The tensor with the rotary divisors, which is read with the configuration.
pub(crate) const ROPE_FREQS: &str = "rope_freqs.weight";

/// The field that maps the other fields to their keys in the file, for messages.
pub(crate) const FILE_KEYS: &str = "gguf_keys";

pub(super) fn config(file: &Gguf) -> Result<Json> {
    let metadata = &file.metadata;
    let architecture = file.architecture.clone()?;
    let mut fields = Map::new();
    let mut file_keys = Map::new();
    fields.insert("model_type".into(), architecture.model_type.into());
    let read: Vec<Field> = architecture.fields.concat();
    keys::check_architecture(metadata, architecture, &read)?;
    let prefix = architecture.name;
    for (field, key) in read {
        let key = format!("{prefix}.{key}");
        if let Some(value) = metadata.get(&key) {
            fields.insert(field.into(), value.to_json());
        }
        file_keys.insert(field.into(), key.into());
    }
    let embedding = architecture.naming.of_gguf("token_embd.weight");
    if let Some(rows) = embedding.and_then(|name| file.info(&name)).and_then(|info| info.shape.first()) {
        fields.insert("vocab_size".into(), (*rows).into());
    }
    // The metadata does not mention biases. The loader uses those that the file contains.
    fields.insert("tie_word_embeddings".into(), file.info("lm_head.weight").is_none().into());
    check_widths(file, prefix)?;
    if let Some(scaling) = rope_scaling(file, prefix)? {
        fields.insert("rope_scaling".into(), scaling);
    }
    (architecture.complete)(&mut fields);
    if let Some(id) = metadata.id("tokenizer.ggml.bos_token_id")? {
        fields.insert("bos_token_id".into(), id.into());
    }
    let mut ends = Vec::new();
    for key in ["eos_token_id", "eot_token_id", "eom_token_id"] {
        ends.extend(metadata.id(&format!("tokenizer.ggml.{key}"))?);
    }
    fields.insert("eos_token_id".into(), ends.into());
    fields.insert(FILE_KEYS.into(), file_keys.into());
    Ok(Json::Object(fields))
}

/// Checks that values are as wide as keys, and that the rotation covers the whole head.
fn check_widths(file: &Gguf, architecture: &str) -> Result<()> {
    let metadata = &file.metadata;
    let number = |key: &str| metadata.get(&format!("{architecture}.{key}")).and_then(Value::as_u64);
    // The width of a head if no key gives it.
    let by_hidden_size = || number("embedding_length")?.checked_div(number("attention.head_count")?);
    let (formula, width) = match number("attention.key_length") {
        Some(width) => ("attention.key_length", Some(width)),
        None => ("embedding_length / attention.head_count", by_hidden_size()),
    };
    let Some(width) = width else { return Ok(()) };
    for key in ["attention.value_length", "rope.dimension_count"] {
        let key = format!("{architecture}.{key}");
        if metadata.get(&key).is_some_and(|found| found.as_u64() != Some(width)) {
            return Err(metadata.wrong(&key, &format!("{architecture}.{formula} = {width}")));
        }
    }
    Ok(())
}

/// Reads the RoPE scaling from the metadata and from the tensor with a divisor for each pair of channels. If
/// both are there, both apply.
fn rope_scaling(file: &Gguf, architecture: &str) -> Result<Option<Json>> {
    let metadata = &file.metadata;
    // The rules are llama.cpp's: an older key is accepted, the default type is linear, and a factor of 0
    // means none.
    let number = |key: &str| -> Result<Option<f64>> {
        let key = format!("{architecture}.{key}");
        let Some(value) = metadata.get(&key) else { return Ok(None) };
        match value.as_f64().filter(|number| number.is_finite() && *number >= 0.0) {
            Some(number) => Ok(Some(number)),
            None => Err(metadata.wrong(&key, "a number, at least 0")),
        }
    };
    let old = number("rope.scale_linear")?;
    let factor = number("rope.scaling.factor")?.or(old).filter(|factor| *factor != 0.0).unwrap_or(1.0);
    let key = format!("{architecture}.rope.scaling.type");
    let factor = match metadata.text(&key)? {
        None | Some("linear") => factor,
        // The factor is ignored then.
        Some("none") => 1.0,
        Some(_) => return Err(metadata.wrong(&key, "none or linear")),
    };
    let Some(info) = file.info(ROPE_FREQS) else {
        return Ok((factor != 1.0).then(|| json!({ "rope_type": "linear", "factor": factor })));
    };
    let length = info.shape.iter().product::<usize>();
    if info.dtype != Dtype::F32 || length > 1 << 12 {
        return Err(Error::input(format!("cannot load {ROPE_FREQS} from {}", file.label()))
            .detail(format!("found {length} values of {}, expected at most 4096 of F32", info.dtype)));
    }
    let mut bytes = Vec::new();
    file.read_part(ROPE_FREQS, (0, 4 * length as u64), &mut bytes)?;
    let divisors: Vec<f64> = bytes
        .chunks_exact(4)
        .map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])) * factor)
        .collect();
    Ok(Some(json!({ "rope_type": "divisors", "divisors": divisors })))
}
