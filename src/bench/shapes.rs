//! Models with the shapes of published ones and random weights. They measure a device without a model's file.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::format::Format;
use crate::model::{UnloadedModel, spec};
use crate::weights::{Dtype, ModelFiles, Synthetic, TensorInfo, Weights};

/// The names of the known shapes for [`synthetic`].
pub const SHAPES: [&str; 7] = [
    "gemma-3-270m",
    "gemma-3-1b",
    "llama-3.2-1b",
    "llama-3.1-8b",
    "qwen2.5-0.5b",
    "qwen3-0.6b",
    "mistral-7b",
];

/// The shape of a published model in the fields of its `config.json`.
fn config(shape: &str) -> Option<Value> {
    let llama = |model_type: &str, sizes: [usize; 6], vocab_size: usize, tied: bool| {
        let [hidden, intermediate, layers, heads, kv_heads, head_dim] = sizes;
        json!({
            "model_type": model_type, "hidden_size": hidden, "intermediate_size": intermediate,
            "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
            "head_dim": head_dim, "vocab_size": vocab_size, "tie_word_embeddings": tied,
            "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
        })
    };
    let with = |mut config: Value, fields: Value| {
        if let (Some(config), Value::Object(fields)) = (config.as_object_mut(), fields) {
            config.extend(fields);
        }
        config
    };
    let gemma = |sizes, window: usize| {
        let fields = json!({
            "sliding_window": window, "sliding_window_pattern": 6, "query_pre_attn_scalar": 256,
            "rope_theta": 1e6, "rope_local_base_freq": 1e4, "hidden_activation": "gelu_pytorch_tanh",
        });
        with(llama("gemma3_text", sizes, 262_144, true), fields)
    };
    Some(match shape {
        "gemma-3-270m" => gemma([640, 2048, 18, 4, 1, 256], 512),
        "gemma-3-1b" => gemma([1152, 6912, 26, 4, 1, 256], 512),
        "llama-3.2-1b" => llama("llama", [2048, 8192, 16, 32, 8, 64], 128_256, true),
        "llama-3.1-8b" => llama("llama", [4096, 14_336, 32, 32, 8, 128], 128_256, false),
        "qwen2.5-0.5b" => llama("qwen2", [896, 4864, 24, 14, 2, 64], 151_936, true),
        "qwen3-0.6b" => llama("qwen3", [1024, 3072, 28, 16, 8, 128], 151_936, true),
        "mistral-7b" => with(
            llama("mistral", [4096, 14_336, 32, 32, 8, 128], 32_768, false),
            json!({ "sliding_window": null }),
        ),
        _ => return None,
    })
}

/// Makes a model of a known shape with pseudo-random weights. The name is `SHAPE:FORMAT`, such as `gemma-3-1b:f16` or
/// `llama-3.2-1b:q4_k`.
///
/// A matrix has the format if its rows are a multiple of the format's blocks, else Q8_0. Norms and biases are F32.
///
/// ```
/// let model = sukashi::bench::synthetic("gemma-3-270m:q4_k")?;
/// assert_eq!(model.spec().num_layers, 18);
/// # Ok::<(), sukashi::Error>(())
/// ```
///
/// # Errors
/// If the shape or the format is unknown.
pub fn synthetic(name: &str) -> Result<UnloadedModel> {
    let formats = || Format::ALL.map(Format::name).join(", ");
    let wrong = |what: &str, found: &str, expected: String| {
        Error::input(format!("cannot make up {name}: the {what} is unknown"))
            .detail(format!("found {found:?}, expected one of: {expected}"))
    };
    let (shape, format) = name.split_once(':').unwrap_or((name, "f16"));
    let config = config(shape).ok_or_else(|| wrong("shape", shape, SHAPES.join(", ")))?;
    let format = Format::ALL
        .into_iter()
        .find(|known| known.name() == format)
        .ok_or_else(|| wrong("format", format, formats()))?;
    let label = format!("{shape} (random weights)");
    let spec = spec::from_config(&config, &label)?;
    let matrix = |rows: usize, columns: usize| {
        let fits = columns.is_multiple_of(format.block_columns());
        let dtype = Dtype::from(if fits { format } else { Format::Q8_0 });
        TensorInfo { dtype, shape: vec![rows, columns] }
    };
    let vector = |columns: usize| TensorInfo { dtype: Dtype::F32, shape: vec![columns] };
    let (hidden, intermediate) = (spec.hidden_size, spec.intermediate_size);
    let (queries, keys) = (spec.num_heads * spec.head_dim, spec.num_kv_heads * spec.head_dim);
    let mut tensors = vec![
        ("model.embed_tokens.weight".to_owned(), matrix(spec.vocab_size, hidden)),
        ("model.norm.weight".to_owned(), vector(hidden)),
    ];
    if !spec.tied_head {
        tensors.push(("lm_head.weight".to_owned(), matrix(spec.vocab_size, hidden)));
    }
    for layer in 0..spec.num_layers {
        let mut add = |part: &str, info| tensors.push((format!("model.layers.{layer}.{part}"), info));
        add("input_layernorm.weight", vector(hidden));
        add("post_attention_layernorm.weight", vector(hidden));
        if spec.parts.post_norms {
            add("pre_feedforward_layernorm.weight", vector(hidden));
            add("post_feedforward_layernorm.weight", vector(hidden));
        }
        for (part, rows) in [("q_proj", queries), ("k_proj", keys), ("v_proj", keys)] {
            add(&format!("self_attn.{part}.weight"), matrix(rows, hidden));
            if spec.parts.qkv_bias {
                add(&format!("self_attn.{part}.bias"), vector(rows));
            }
        }
        if spec.parts.qk_norm {
            add("self_attn.q_norm.weight", vector(spec.head_dim));
            add("self_attn.k_norm.weight", vector(spec.head_dim));
        }
        add("self_attn.o_proj.weight", matrix(hidden, queries));
        add("mlp.gate_proj.weight", matrix(intermediate, hidden));
        add("mlp.up_proj.weight", matrix(intermediate, hidden));
        add("mlp.down_proj.weight", matrix(hidden, intermediate));
    }
    let files = ModelFiles {
        name: label.clone(),
        config,
        config_label: label.clone(),
        weights: Weights::Synthetic(Synthetic::new(&label, tensors)),
        tokenizer: None,
        generation_config: None,
        chat: Ok(None),
        allow_unused_tensors: false,
    };
    Ok(UnloadedModel::of(files, spec))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Device;

    #[test]
    fn every_shape_is_known() {
        for shape in SHAPES {
            let model = synthetic(shape).unwrap();
            assert_eq!(*model.spec(), spec::from_files(model.files()).unwrap(), "{shape}");
        }
        for bad in ["gpt-5", "gemma-3-1b:q3_k", ":f16", ""] {
            assert!(synthetic(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_synthetic_model_loads() {
        let model = synthetic("gemma-3-270m:q4_0").unwrap().load(&Device::Cpu, &mut |_, _| {});
        assert_eq!(model.unwrap().spec().num_layers, 18);
    }
}
