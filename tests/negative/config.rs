//! Tests `config.json`, and the paths of models.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sukashi::model::{DecoderSpec, spec};
use sukashi::weights::ModelFiles;

use super::refused;

fn gpt2() -> Value {
    json!({"model_type": "gpt2", "vocab_size": 307, "n_positions": 64, "n_embd": 48, "n_layer": 3, "n_head": 4})
}

/// A GPT-2 with one field changed.
fn with(field: &str, value: Value) -> Value {
    let mut config = gpt2();
    config[field] = value;
    config
}

fn read(config: &Value) -> sukashi::Result<DecoderSpec> {
    spec::from_config(config, "tiny/config.json")
}

#[test]
fn fields_out_of_range() {
    let rows = [
        ("n_head", json!(0), "from 1 to 48"),
        ("n_head", json!(5), "divisor of n_embd = 48"),
        ("n_head", json!(-4), "from 1 to 48"),
        ("n_layer", json!(-1), "from 1 to 1024"),
        ("n_layer", json!(1_000_000_000), "from 1 to 1024"),
        ("n_layer", json!(1e300), "from 1 to 1024"),
        ("n_layer", json!(3.5), "whole number"),
        ("n_layer", json!("3"), "whole number"),
        ("n_embd", json!(0), "from 1 to 131072"),
        ("n_embd", json!(u64::MAX), "from 1 to 131072"),
        ("n_inner", json!(0), "from 1 to 1048576"),
        ("n_positions", json!(0), "from 1 to 16777216"),
        ("vocab_size", json!(0), "from 1 to 16777216"),
        ("vocab_size", json!(1_u64 << 40), "from 1 to 16777216"),
        ("layer_norm_epsilon", json!(-1e-5), "above 0"),
        ("layer_norm_epsilon", json!(0), "above 0"),
        ("layer_norm_epsilon", json!(1e-60), "above 0"),
        ("layer_norm_epsilon", json!(1e300), "at most 1"),
        ("layer_norm_epsilon", json!("NaN"), "above 0"),
        ("activation_function", json!("swish"), "gelu_new, gelu_pytorch_tanh, gelu"),
        ("activation_function", json!(["gelu"]), "a text"),
        ("tie_word_embeddings", json!("yes"), "true or false"),
        ("scale_attn_weights", json!(1), "true or false"),
        ("add_cross_attention", json!(true), "no encoder"),
        ("bos_token_id", json!(-1), "a token id"),
        ("eos_token_id", json!([1, 1.5]), "a token id"),
        ("eos_token_id", json!({"a": 1}), "a token id"),
    ];
    for (field, value, expected) in rows {
        let found = format!("found {field} = {value}");
        refused(|| read(&with(field, value)), &["tiny/config.json", &found, expected]);
    }
}

#[test]
fn fields_that_are_missing() {
    for field in ["n_embd", "n_layer", "n_head", "vocab_size", "n_positions"] {
        refused(|| read(&with(field, Value::Null)), &["tiny/config.json", field, "is missing"]);
    }
}

#[test]
fn long_values_are_cut() {
    refused(|| read(&with("n_layer", json!("x".repeat(1 << 20)))), &["n_layer", "…"]);
}

#[test]
fn unknown_architectures() {
    let known = "gpt2 (GPT2LMHeadModel)";
    refused(|| read(&with("model_type", json!("bert"))), &["tiny/config.json", "\"bert\"", known]);
    let all = "gpt2 (GPT2LMHeadModel), gemma3_text (Gemma3ForCausalLM), gemma3 (Gemma3ForConditionalGeneration), \
               llama (LlamaForCausalLM), mistral (MistralForCausalLM), qwen2 (Qwen2ForCausalLM), \
               qwen3 (Qwen3ForCausalLM)";
    refused(|| read(&json!({"architectures": ["BertForMaskedLM"]})), &["\"BertForMaskedLM\"", all]);
    refused(|| read(&json!({"architectures": []})), &["neither model_type nor architectures", known]);
    refused(|| read(&json!({})), &["neither", known]);
    refused(|| read(&json!({"model_type": 1})), &["model_type = 1", "a text"]);
    refused(|| read(&json!([1])), &["tiny/config.json", "an object"]);
}

#[test]
fn vocabularies_that_disagree() {
    let spec = read(&gpt2()).unwrap();
    refused(|| spec.check_tokenizer(Some(400)), &["400 tokens", "vocab_size = 307", "tokenizer.json"]);
    spec.check_tokenizer(Some(300)).unwrap();
}

/// Asserts that a model folder whose `config.json` has these bytes is refused.
#[track_caller]
fn refused_bytes(config: &[u8], parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    let mut all = vec!["config.json"];
    all.extend(parts);
    refused(|| ModelFiles::open(folder.path()), &all);
}

#[test]
fn files_that_are_not_json() {
    refused_bytes(b"", &["EOF"]);
    refused_bytes(b"\xFF\xFE{\0", &["not UTF-8", "0xFF"]);
    refused_bytes(b"[1, 2]", &["expected an object"]);
    refused_bytes(
        b"{\n  \"n_head\": 4,\n  \"n_layer\": 1e400\n}",
        &["line 3", "\\\"n_layer\\\": 1e400", "out of range"],
    );
    refused_bytes(b"{\"layer_norm_epsilon\": NaN}", &["line 1", "\\\"layer_norm_epsilon\\\": NaN"]);
    refused_bytes(b"{\"rope_theta\": -Infinity}", &["rope_theta"]);
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    refused_bytes(deep.as_bytes(), &["recursion limit"]);
    refused_bytes(&vec![b' '; (16 << 20) + 1], &["16777217 bytes", "at most 16777216"]);
    // A message has a line or two for any file.
    refused_bytes(&vec![b'x'; 1 << 20], &["expected value"]);
    refused_bytes("{\"猫\": 猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫}".as_bytes(), &["猫"]);
}

#[test]
fn paths_that_are_no_model() {
    let folder = tempfile::tempdir().unwrap();
    refused(
        || ModelFiles::open(&folder.path().join("nowhere")),
        &["nowhere", "a model is a .gguf file, or a folder"],
    );
    refused(|| ModelFiles::open(folder.path()), &["no config.json", "a model is a .gguf file, or a folder"]);
    refused(|| ModelFiles::open(Path::new("")), &["cannot open model"]);

    let file = folder.path().join("model.safetensors");
    fs::write(&file, "").unwrap();
    refused(|| ModelFiles::open(&file), &["it is a file", "a model is a .gguf file, or a folder"]);
    fs::write(folder.path().join("config.json"), "{}").unwrap();
    let name = folder.path().display().to_string();
    refused(|| ModelFiles::open(&file), &["it is a file", "give its folder instead", &name]);

    fs::remove_file(&file).unwrap();
    refused(|| ModelFiles::open(folder.path()), &["neither model.safetensors nor"]);
    fs::remove_file(folder.path().join("config.json")).unwrap();
    fs::create_dir(folder.path().join("config.json")).unwrap();
    refused(|| ModelFiles::open(folder.path()), &["config.json", "expected a regular file"]);
}
