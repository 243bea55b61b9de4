//! Every tensor is used by the model, or known to have no effect, or else an error. The same holds for every key of a
//! GGUF file.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use sukashi::weights::ModelFiles;
use sukashi::{Device, Model};

use super::families::{config, files, load, tensors, with};
use super::refused;
use crate::gguf_writer::{File, Tensor, Value};

fn more(extra: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
    let mut all = tensors("model.", ("", &[]));
    all.extend(extra.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())));
    all
}

#[test]
fn tensors_that_nothing_uses_are_named() {
    let extra: &[(&str, &[usize])] =
        &[("score.weight", &[2, 32]), ("model.layers.2.input_layernorm.weight", &[32])];
    let parts = [
        "cannot load tiny/model.safetensors",
        "no part of the model uses 2 of the 23 tensors",
        "found model.layers.2.input_layernorm.weight, score.weight",
        "--allow-unused-tensors",
    ];
    refused(|| load(config("llama"), &more(extra)), &parts);
    let mut allowed = files(config("llama"), &more(extra));
    allowed.allow_unused_tensors = true;
    Model::from_files(&Device::Cpu, allowed, &mut |_, _| {}).unwrap();

    let many: Vec<String> = (0..40).map(|index| format!("extra.{index:02}")).collect();
    let many: Vec<(&str, &[usize])> = many.iter().map(|name| (&**name, &[1][..])).collect();
    refused(|| load(config("llama"), &more(&many)), &["40 of the 61", "extra.04 and 35 more"]);
    // The bias of a norm without biases is an unused tensor too.
    let bias: &[(&str, &[usize])] = &[("model.norm.bias", &[32])];
    refused(|| load(config("llama"), &more(bias)), &["found model.norm.bias"]);
    // So is a tensor that has no effect in another family.
    let mask: &[(&str, &[usize])] = &[("model.layers.0.attn.masked_bias", &[1])];
    refused(|| load(config("llama"), &more(mask)), &["found model.layers.0.attn.masked_bias"]);
    let tower: &[(&str, &[usize])] = &[("vision_tower.x", &[1])];
    refused(|| load(config("llama"), &more(tower)), &["found vision_tower.x"]);
}

#[test]
fn tensors_that_carry_nothing_are_left() {
    let angles: &[(&str, &[usize])] =
        &[("model.layers.0.self_attn.rotary_emb.inv_freq", &[4]), ("model.rotary_emb.inv_freq", &[4])];
    load(config("llama"), &more(angles)).unwrap();
}

#[test]
fn biases_are_taken_where_they_are() {
    let o_proj: &[(&str, &[usize])] = &[("model.layers.1.self_attn.o_proj.bias", &[32])];
    load(config("llama"), &more(o_proj)).unwrap();
    load(config("mistral"), &more(o_proj)).unwrap();
    let up: &[(&str, &[usize])] = &[("model.layers.0.mlp.up_proj.bias", &[24])];
    load(config("llama"), &more(up)).unwrap();
    let wrong: &[(&str, &[usize])] = &[("model.layers.0.mlp.up_proj.bias", &[23])];
    refused(
        || load(config("llama"), &more(wrong)),
        &["up_proj.bias", "[23], expected [intermediate_size] = [24]"],
    );
    // If the configuration denies biases, either it or the weights are wrong.
    refused(
        || load(with("llama", json!({"attention_bias": false})), &more(o_proj)),
        &["found model.layers.1.self_attn.o_proj.bias", "attention_bias or mlp_bias is false"],
    );
    refused(
        || load(with("llama", json!({"mlp_bias": false})), &more(up)),
        &["found model.layers.0.mlp.up_proj.bias"],
    );
    // If the configuration asks for biases, all have to be present.
    refused(
        || load(with("llama", json!({"attention_bias": true})), &more(o_proj)),
        &["cannot load model.layers.0.self_attn.q_proj.bias", "no such tensor"],
    );
}

#[test]
fn causes_that_names_of_tensors_state() {
    for (name, cause) in [
        ("model.layers.0.self_attn.q_proj.qweight", "quantised by GPTQ or AWQ"),
        ("model.layers.0.self_attn.q_proj.weight.absmax", "quantised by bitsandbytes"),
        ("model.layers.0.self_attn.q_proj.SCB", "quantised by bitsandbytes"),
        ("model.layers.0.self_attn.q_proj.weight_packed", "quantised by compressed-tensors"),
        ("model.layers.0.self_attn.q_proj.weight_scale_inv", "compressed-tensors or to FP8"),
        ("model.layers.0.block_sparse_moe.gate.weight", "mixture of experts"),
        ("model.layers.0.mlp.experts.0.up_proj.weight", "mixture of experts"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "it is a LoRA adapter"),
    ] {
        let extra: &[(&str, &[usize])] = &[(name, &[2, 2])];
        refused(|| load(config("llama"), &more(extra)), &["tiny/model.safetensors", cause, name]);
    }
    let mlx: &[(&str, &[usize])] = &[("model.x.scales", &[2]), ("model.x.biases", &[2])];
    refused(|| load(config("llama"), &more(mlx)), &["quantised by MLX", "model.x.scales and model.x.biases"]);
}

#[test]
fn folders_that_are_no_model_say_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &str| fs::write(folder.path().join(name), bytes).unwrap();
    let remove = |name: &str| fs::remove_file(folder.path().join(name)).unwrap();
    let open = || ModelFiles::open(folder.path());
    write("q4.gguf", "");
    refused(open, &["no config.json", "give one of its files instead", "q4.gguf"]);
    remove("q4.gguf");
    write("adapter_config.json", "{\"base_model_name_or_path\": \"a/b\"}");
    refused(open, &["it is a LoRA adapter", "base_model_name_or_path = \"a/b\"", "merge"]);
    write("config.json", "{}");
    refused(open, &["cannot load weights", "base_model_name_or_path = \"a/b\""]);
    remove("adapter_config.json");
    for pickle in ["pytorch_model.bin", "consolidated.00.pth", "model.ckpt", "pytorch_model.bin.index.json"] {
        write(pickle, "");
        refused(open, &["neither model.safetensors nor", pickle, "can run code when it is read"]);
        if pickle.ends_with("pth") {
            refused(|| ModelFiles::open(&folder.path().join(pickle)), &["it is a file"]);
        }
        remove(pickle);
    }
    write("model-00001-of-00003.safetensors", "");
    refused(open, &["model-00001-of-00003.safetensors, part 1 of 3", "model.safetensors.index.json"]);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4321\n";
    write("model.safetensors", pointer);
    refused(open, &["model.safetensors", "it is a Git LFS pointer", "stand for 4321", "git lfs pull"]);
    write("config.json", pointer);
    refused(open, &["config.json", "it is a Git LFS pointer"]);
    write("a.gguf", pointer);
    refused(|| ModelFiles::open(&folder.path().join("a.gguf")), &["a.gguf", "it is a Git LFS pointer"]);
}

/// A Llama of one layer in a GGUF file.
fn gguf() -> File {
    let mut file = File::default();
    file.set("general.architecture", Value::Text("llama".into()));
    for (key, number) in [
        ("context_length", 64),
        ("embedding_length", 16),
        ("block_count", 1),
        ("feed_forward_length", 8),
        ("attention.head_count", 2),
        ("attention.head_count_kv", 1),
    ] {
        file.set(&format!("llama.{key}"), Value::U32(number));
    }
    file.set("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5));
    for (name, dimensions) in [
        ("token_embd.weight", &[16, 20][..]),
        ("output_norm.weight", &[16]),
        ("blk.0.attn_norm.weight", &[16]),
        ("blk.0.ffn_norm.weight", &[16]),
        ("blk.0.attn_q.weight", &[16, 16]),
        ("blk.0.attn_k.weight", &[16, 8]),
        ("blk.0.attn_v.weight", &[16, 8]),
        ("blk.0.attn_output.weight", &[16, 16]),
        ("blk.0.ffn_gate.weight", &[16, 8]),
        ("blk.0.ffn_up.weight", &[16, 8]),
        ("blk.0.ffn_down.weight", &[8, 16]),
    ] {
        file.tensors.push(zeros(name, dimensions));
    }
    file
}

fn zeros(name: &str, dimensions: &[u64]) -> Tensor {
    Tensor::f32(name, dimensions, &vec![0.0; dimensions.iter().product::<u64>() as usize])
}

fn load_gguf(change: impl FnOnce(&mut File)) -> sukashi::Result<Model> {
    let mut file = gguf();
    change(&mut file);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    fs::write(&path, file.bytes()).unwrap();
    Model::load(&Device::Cpu, Path::new(&path))
}

#[test]
fn keys_of_the_architecture_that_are_not_understood() {
    load_gguf(|_| ()).unwrap();
    for key in
        ["rope.dimension_sections", "attention.temperature_length", "rope.freq_base_swa", "something.new"]
    {
        let key = format!("llama.{key}");
        let parts = ["model.gguf", &key, "may change what the model computes", "= 3"];
        refused(|| load_gguf(|file| _ = file.set(&key, Value::U32(3))), &parts);
    }
    for (key, neutral, other) in [
        ("attention.scale", 0.0, 0.0625),
        ("attention.clamp_kqv", 0.0, 8.0),
        ("logit_scale", 1.0, 0.0625),
        ("embedding_scale", 1.0, 12.0),
        ("residual_scale", 1.0, 0.25),
        ("attn_logit_softcapping", 0.0, 50.0),
        ("rope.scaling.attn_factor", 1.0, 2.0),
    ] {
        let key = format!("llama.{key}");
        load_gguf(|file| _ = file.set(&key, Value::F32(neutral))).unwrap();
        refused(|| load_gguf(|file| _ = file.set(&key, Value::F32(other))), &[&format!("{key} = {other}")]);
    }
    for (key, neutral, other) in [
        ("expert_count", 0, 8),
        ("expert_used_count", 0, 2),
        ("attention.sliding_window", 0, 4096),
        ("nextn_predict_layers", 0, 1),
    ] {
        let key = format!("llama.{key}");
        load_gguf(|file| _ = file.set(&key, Value::U32(neutral))).unwrap();
        refused(|| load_gguf(|file| _ = file.set(&key, Value::U32(other))), &[&format!("{key} = {other}")]);
    }
    refused(
        || load_gguf(|file| _ = file.set("llama.attention.causal", Value::Bool(false))),
        &["llama.attention.causal = false", "expected 1"],
    );
    for key in ["rope.dimension_count", "attention.value_length"] {
        let key = format!("llama.{key}");
        load_gguf(|file| _ = file.set(&key, Value::U32(8))).unwrap();
        let parts = [&*format!("{key} = 4"), "llama.embedding_length / attention.head_count = 8"];
        refused(|| load_gguf(|file| _ = file.set(&key, Value::U32(4))), &parts);
    }
    // Keys that describe the file, and other namespaces, do not affect the computation.
    load_gguf(|file| {
        file.set("general.anything", Value::U32(3));
        file.set("quantize.imatrix.chunks_count", Value::U32(3));
        file.set("llama.vocab_size", Value::U32(20));
        file.set("llamas.x", Value::U32(3));
    })
    .unwrap();
}

#[test]
fn files_that_are_something_else() {
    for (key, value, cause) in [
        ("general.type", "adapter", "it is a LoRA adapter"),
        ("general.type", "mmproj", "image encoder"),
        ("general.type", "imatrix", "expected model"),
    ] {
        refused(
            || load_gguf(|file| _ = file.set(key, Value::Text(value.into()))),
            &["model.gguf", value, cause],
        );
    }
    refused(
        || load_gguf(|file| _ = file.set("general.quantization_version", Value::U32(1))),
        &["general.quantization_version = 1", "expected 2"],
    );
    refused(
        || {
            load_gguf(|file| {
                file.set("split.no", Value::U32(2));
                file.set("split.count", Value::U32(5));
            })
        },
        &["it is part 3 of 5 of a split file", "split.no = 2, split.count = 5"],
    );
    load_gguf(|file| _ = file.set("split.count", Value::U32(1))).unwrap();
    refused(
        || load_gguf(|file| file.tensors.push(zeros("blk.0.ffn_gate_exps.weight", &[16, 8]))),
        &["mixture of experts", "blk.0.ffn_gate_exps.weight"],
    );
}

#[test]
fn tensors_of_a_gguf_that_nothing_uses() {
    refused(
        || load_gguf(|file| file.tensors.push(zeros("blk.0.attn_sub_norm.weight", &[16]))),
        &["no part of the model uses 1 of the 12 tensors", "found blk.0.attn_sub_norm.weight"],
    );
    for name in ["rope_factors_long.weight", "blk.1.attn_q.weight", "cls.weight"] {
        refused(|| load_gguf(|file| file.tensors.push(zeros(name, &[4]))), &["no part of the model uses 1"]);
    }
    load_gguf(|file| {
        for (part, size) in
            [("attn_q", 16), ("attn_v", 8), ("attn_output", 16), ("ffn_gate", 8), ("ffn_down", 16)]
        {
            file.tensors.push(zeros(&format!("blk.0.{part}.bias"), &[size]));
        }
    })
    .unwrap();
}

/// The frequencies of a file's rotations.
fn frequencies(change: impl FnOnce(&mut File)) -> Vec<f64> {
    match &load_gguf(change).unwrap().spec().position {
        sukashi::model::spec::Position::Rope(ropes) => ropes[0].inv_freq.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn scalings_of_positions_in_a_gguf() {
    let plain = frequencies(|_| ());
    let quarter: Vec<f64> = plain.iter().map(|frequency| frequency / 4.0).collect();
    let set = |key: &'static str, value: f32| {
        move |file: &mut File| _ = file.set(&format!("llama.rope.{key}"), Value::F32(value))
    };
    let kind =
        |file: &mut File, kind: &str| _ = file.set("llama.rope.scaling.type", Value::Text(kind.into()));
    assert_eq!(frequencies(set("scaling.factor", 4.0)), quarter);
    assert_eq!(frequencies(set("scale_linear", 4.0)), quarter);
    assert_eq!(frequencies(set("scale_linear", 0.0)), plain);
    assert_eq!(frequencies(|file| kind(file, "linear")), plain);
    // The new key has priority, and `none` has priority over both.
    let both = |file: &mut File| {
        set("scaling.factor", 4.0)(file);
        set("scale_linear", 2.0)(file);
    };
    assert_eq!(frequencies(both), quarter);
    let none = |file: &mut File| {
        both(file);
        kind(file, "none");
    };
    assert_eq!(frequencies(none), plain);
    // Divisors and a factor apply together.
    let divisors = |file: &mut File| {
        file.tensors.push(Tensor::f32("rope_freqs.weight", &[4], &[1.0, 2.0, 4.0, 8.0]));
    };
    let divided: Vec<f64> = plain.iter().zip([1.0, 2.0, 4.0, 8.0]).map(|(f, divisor)| f / divisor).collect();
    assert_eq!(frequencies(divisors), divided);
    let quarter: Vec<f64> = divided.iter().map(|frequency| frequency / 4.0).collect();
    let scaled = frequencies(|file| {
        divisors(file);
        set("scaling.factor", 4.0)(file);
    });
    assert_eq!(scaled, quarter);
    refused(
        || load_gguf(|file| kind(file, "yarn")),
        &["llama.rope.scaling.type = \"yarn\"", "none or linear"],
    );
    refused(|| load_gguf(set("scaling.factor", -1.0)), &["llama.rope.scaling.factor = -1", "at least 0"]);
}

#[test]
fn keys_of_the_tokenizer_that_are_not_understood() {
    let tokenizer = |file: &mut File| {
        file.set("tokenizer.ggml.model", Value::Text("llama".into()));
        file.set("tokenizer.ggml.tokens", Value::Texts(vec!["<unk>".into(), "a".into(), "b".into()]));
        file.set("tokenizer.ggml.scores", Value::Raw(9, floats(&[0.0, -1.0, -2.0])));
        file.set("tokenizer.ggml.unknown_token_id", Value::U32(0));
    };
    load_gguf(tokenizer).unwrap();
    refused(
        || {
            load_gguf(|file| {
                tokenizer(file);
                file.set("tokenizer.ggml.normalizer.lowercase", Value::Bool(true));
            })
        },
        &["tokenizer.ggml.normalizer.lowercase = true", "may change the tokens of a text"],
    );
}

/// An array of f32.
fn floats(values: &[f32]) -> Vec<u8> {
    let mut bytes = 6_u32.to_le_bytes().to_vec();
    bytes.extend((values.len() as u64).to_le_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// If a key has a type that no converter writes, the message must not contain the bytes of its value.
#[test]
fn messages_show_the_beginning_of_a_value() {
    let long = "x".repeat(1 << 16);
    for (key, value) in [
        ("llama.block_count", Value::Text(long.clone())),
        ("llama.feed_forward_length", Value::Texts(vec![long.clone(); 20])),
        ("general.type", Value::Text(long.clone())),
        ("llama.new", Value::Text(long.clone())),
    ] {
        let refused = load_gguf(|file| {
            file.metadata.retain(|(own, _)| own != key);
            file.set(key, value);
        });
        let message = refused.unwrap_err().to_string();
        assert!(message.contains(key) && message.len() < 1000, "{} bytes", message.len());
    }
    let config: Json = json!({"model_type": long});
    let message = sukashi::model::spec::from_config(&config, "config.json").unwrap_err().to_string();
    assert!(message.len() < 1000, "{} bytes", message.len());
}
