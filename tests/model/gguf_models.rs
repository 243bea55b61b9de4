//! The golden models as GGUF files, with that format's names, order of rows and norms, give the same results.

use std::path::Path;

use serde_json::Value as Json;
use sukashi::weights::{Safetensors, Weights};

use crate::common::{Golden, devices, golden_folder, load};
use crate::gguf::{File, Tensor, Value};
use crate::goldens::check;

/// Converts a golden from Hugging Face's form as llama.cpp's converter would, in f32.
pub fn convert(folder: &Path, architecture: &str) -> File {
    let config: Json = serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
    let weights = Weights::Safetensors(Safetensors::open(folder).unwrap());
    let mut file = File::default();
    file.set("general.architecture", Value::Text(architecture.into()));
    let keys: &[(&str, &str)] = if architecture == "gpt2" {
        &[
            ("n_embd", "embedding_length"),
            ("n_layer", "block_count"),
            ("n_head", "attention.head_count"),
            ("n_positions", "context_length"),
            ("layer_norm_epsilon", "attention.layer_norm_epsilon"),
        ]
    } else {
        &[
            ("hidden_size", "embedding_length"),
            ("num_hidden_layers", "block_count"),
            ("intermediate_size", "feed_forward_length"),
            ("num_attention_heads", "attention.head_count"),
            ("num_key_value_heads", "attention.head_count_kv"),
            ("head_dim", "attention.key_length"),
            ("max_position_embeddings", "context_length"),
            ("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
            ("rope_theta", "rope.freq_base"),
            ("rope_local_base_freq", "rope.freq_base_swa"),
            ("sliding_window", "attention.sliding_window"),
        ]
    };
    for (field, key) in keys {
        let number = &config[*field];
        let key = format!("{architecture}.{key}");
        match number.as_u64() {
            Some(number) if !key.contains("freq_base") => file.set(&key, Value::U32(number as u32)),
            _ => match number.as_f64() {
                Some(number) => file.set(&key, Value::F32(number as f32)),
                None => continue,
            },
        };
    }
    let heads = |field: &str| config[field].as_u64().unwrap_or(1) as usize;
    for name in weights.names() {
        let Some(own) = own_name(name, architecture) else { continue };
        let shape = weights.info(name).unwrap().shape.clone();
        let mut bytes = Vec::new();
        let size: usize = shape.iter().product();
        weights.read_part(name, (0, 4 * size as u64), &mut bytes).unwrap();
        let mut values: Vec<f32> =
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let mut dimensions: Vec<u64> = shape.iter().rev().map(|&size| size as u64).collect();
        let columns = *shape.last().unwrap();
        if architecture == "gpt2" && name.contains(".c_") && shape.len() == 2 {
            values = (0..columns)
                .flat_map(|c| (0..shape[0]).map(move |r| (r, c)))
                .map(|(r, c)| values[r * columns + c])
                .collect();
            dimensions.reverse();
        }
        if architecture == "gemma3" && own.contains("norm") {
            values.iter_mut().for_each(|value| *value += 1.0);
        }
        if architecture == "llama" && (own.contains("attn_q.") || own.contains("attn_k.")) {
            let num_heads =
                heads(if own.contains("attn_q.") { "num_attention_heads" } else { "num_key_value_heads" });
            let width = values.len() / shape[0];
            let head_dim = shape[0] / num_heads;
            // weights.reshape(heads, 2, head_dim / 2, columns).swapaxes(1, 2)
            let row = |row: usize| {
                let (head, place) = (row / head_dim, row % head_dim);
                head * head_dim + (place % 2) * head_dim / 2 + place / 2
            };
            values = (0..shape[0]).flat_map(|r| values[row(r) * width..][..width].to_vec()).collect();
        }
        file.tensors.push(Tensor::f32(&own, &dimensions, &values));
    }
    file
}

/// GGUF's name of a tensor; `None` if GGUF has no such tensor.
fn own_name(name: &str, architecture: &str) -> Option<String> {
    let name = name.trim_start_matches("model.").trim_start_matches("transformer.");
    let outer = [
        ("embed_tokens.", "token_embd."),
        ("wte.", "token_embd."),
        ("wpe.", "position_embd."),
        ("norm.", "output_norm."),
        ("ln_f.", "output_norm."),
        ("lm_head.", "output."),
    ];
    if let Some((from, to)) = outer.iter().find(|(from, _)| name.starts_with(from)) {
        return Some(name.replacen(from, to, 1));
    }
    let rest = name.strip_prefix("layers.").or_else(|| name.strip_prefix("h."))?;
    let (index, part) = rest.split_once('.')?;
    let names = [
        ("input_layernorm", "attn_norm"),
        ("ln_1", "attn_norm"),
        ("ln_2", "ffn_norm"),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("self_attn.q_norm", "attn_q_norm"),
        ("self_attn.k_norm", "attn_k_norm"),
        ("pre_feedforward_layernorm", "ffn_norm"),
        ("post_feedforward_layernorm", "post_ffw_norm"),
        (
            "post_attention_layernorm",
            if architecture == "gemma3" { "post_attention_norm" } else { "ffn_norm" },
        ),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("attn.c_attn", "attn_qkv"),
        ("attn.c_proj", "attn_output"),
        ("mlp.c_fc", "ffn_up"),
        ("mlp.c_proj", "ffn_down"),
    ];
    let (from, to) = names.iter().find(|(from, _)| part.starts_with(from))?;
    Some(format!("blk.{index}.{}", part.replacen(from, to, 1)))
}

#[test]
fn the_goldens_are_the_same_as_gguf() {
    let devices = devices();
    let goldens = [
        ("gpt2-tiny", "gpt2"),
        ("llama-tiny", "llama"),
        ("llama-linear", "llama"),
        ("qwen2-tiny", "qwen2"),
        ("qwen3-tiny", "qwen3"),
        ("gemma3-tiny", "gemma3"),
    ];
    for (name, architecture) in goldens {
        let folder = golden_folder(name);
        let mut file = convert(&folder, architecture);
        if name == "llama-linear" {
            let config: Json =
                serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
            let factor = config["rope_scaling"]["factor"].as_f64().unwrap() as f32;
            file.set("llama.rope.scaling.type", Value::Text("linear".into()));
            file.set("llama.rope.scaling.factor", Value::F32(factor));
        }
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join(format!("{name}.gguf"));
        std::fs::write(&path, file.bytes()).unwrap();
        for (device_name, device) in &devices {
            let model = load(device, &path);
            let golden = Golden::open(&folder.join("golden.safetensors"));
            check(&format!("{name} as GGUF on {device_name}"), &model, &golden);
        }
    }
}
