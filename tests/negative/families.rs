//! Tests `config.json` and weights of Llama, Mistral, Qwen and Gemma: refused input, and both forms of accepted input.

use serde_json::{Value, json};
use sukashi::model::DecoderSpec;
use sukashi::model::spec::{self, Activation, Position};
use sukashi::weights::{ModelFiles, Safetensors, Weights};
use sukashi::{Device, Model};

use super::refused;

/// A configuration with two layers, and with four query heads on two key-value heads of eight channels.
pub fn config(model_type: &str) -> Value {
    json!({
        "model_type": model_type, "vocab_size": 20, "hidden_size": 32, "intermediate_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64,
    })
}

/// A configuration with some changed fields.
pub fn with(model_type: &str, fields: Value) -> Value {
    let mut config = config(model_type);
    for (field, value) in fields.as_object().unwrap() {
        config[field] = value.clone();
    }
    config
}

fn read(config: &Value) -> sukashi::Result<DecoderSpec> {
    spec::from_config(config, "tiny/config.json")
}

fn accepted(model_type: &str, fields: Value) -> DecoderSpec {
    read(&with(model_type, fields)).unwrap()
}

/// The radians per position of each rotation.
fn frequencies(spec: &DecoderSpec) -> Vec<Vec<f64>> {
    match &spec.position {
        Position::Rope(ropes) => ropes.iter().map(|rope| rope.inv_freq.clone()).collect(),
        other => panic!("{other:?}"),
    }
}

/// `theta^(-i / 4)` divided by `factor`. Heads have four pairs of channels.
fn powers(theta: f64, factor: f64) -> Vec<f64> {
    (0..4).map(|i| theta.powf(-f64::from(i) / 4.0) / factor).collect()
}

#[track_caller]
fn assert_close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 1e-12 * want, "{got}, expected {want}");
    }
}

const FAMILIES: [&str; 5] = ["llama", "mistral", "qwen2", "qwen3", "gemma3_text"];

#[test]
fn fields_out_of_range() {
    let rows = [
        ("num_key_value_heads", json!(3), "a divisor of num_attention_heads = 4"),
        ("num_key_value_heads", json!(8), "from 1 to 4"),
        ("num_key_value_heads", json!(0), "from 1 to 4"),
        ("num_attention_heads", json!(0), "from 1 to"),
        ("head_dim", json!(7), "an even number"),
        ("head_dim", json!(1 << 20), "from 1 to 4096"),
        ("hidden_act", json!("relu"), "expected"),
        ("hidden_act", json!(1), "a text"),
        ("rope_theta", json!("NaN"), "above 0"),
        ("rope_theta", json!(-10_000.0), "above 0"),
        ("rope_theta", json!(0), "above 0"),
        ("rope_theta", json!(1e300), "at most"),
        ("rms_norm_eps", json!(-1e-6), "above 0"),
        ("rope_scaling", json!("linear"), "an object"),
        ("rope_parameters", json!([1]), "an object"),
        ("num_hidden_layers", json!(0), "from 1 to 1024"),
        ("intermediate_size", json!(-1), "from 1 to 1048576"),
        ("max_position_embeddings", json!(0), "from 1 to 16777216"),
    ];
    for family in FAMILIES {
        for (field, value, expected) in &rows {
            let found = format!("found {field} = {value}");
            refused(
                || read(&with(family, json!({ *field: value }))),
                &["tiny/config.json", &found, expected],
            );
        }
    }
    let rows = [
        ("mistral", json!({"sliding_window": 0}), "sliding_window"),
        ("gemma3_text", json!({"sliding_window": 0}), "sliding_window"),
        ("gemma3_text", json!({"sliding_window_pattern": 0}), "sliding_window_pattern"),
        ("gemma3_text", json!({"query_pre_attn_scalar": 0}), "query_pre_attn_scalar"),
        ("gemma3_text", json!({"final_logit_softcapping": -30}), "final_logit_softcapping"),
        ("gemma3_text", json!({"attn_logit_softcapping": "50"}), "attn_logit_softcapping"),
        ("gemma3_text", json!({"hidden_activation": "silu"}), "expected gelu_pytorch_tanh"),
        ("gemma3_text", json!({"rope_local_base_freq": 0}), "rope_local_base_freq"),
        ("gemma3_text", json!({"use_bidirectional_attention": true}), "use_bidirectional_attention = true"),
        ("gemma3", json!({"text_config": 1}), "text_config"),
        ("qwen2", json!({"use_sliding_window": true, "sliding_window": 0}), "sliding_window"),
        ("qwen2", json!({"use_sliding_window": true, "max_window_layers": -1}), "max_window_layers"),
        ("llama", json!({"partial_rotary_factor": 0.5}), "partial_rotary_factor"),
        ("llama", json!({"attention_bias": 1}), "attention_bias"),
        ("llama", json!({"hidden_act": "gelu"}), "expected silu"),
    ];
    for (family, fields, part) in rows {
        refused(|| read(&with(family, fields)), &["tiny/config.json", part]);
    }
}

#[test]
fn heads_that_do_not_divide() {
    let derived = |hidden_size: usize| {
        with("llama", json!({"hidden_size": hidden_size, "head_dim": null, "num_key_value_heads": null}))
    };
    refused(|| read(&derived(30)), &["num_attention_heads = 4", "a divisor of hidden_size = 30"]);
    refused(|| read(&derived(28)), &["num_attention_heads = 4", "hidden_size / num_attention_heads = 7"]);
    let spec = read(&derived(40)).unwrap();
    assert_eq!((spec.head_dim, spec.num_kv_heads), (10, 4));
}

#[test]
fn layer_types() {
    let sliding =
        |types: Value| json!({"use_sliding_window": true, "sliding_window": 16, "layer_types": types});
    for (types, has) in [
        (json!(["full_attention", "chunked_attention"]), "layer 1 has \"chunked_attention\""),
        (json!(["sliding_attention"]), "layer 1 has none"),
        (json!([]), "layer 0 has none"),
        (json!("full_attention"), "layer 0 has none"),
        (json!([null, 3]), "layer 0 has null"),
    ] {
        for family in ["gemma3_text", "qwen2", "qwen3"] {
            let parts = ["tiny/config.json", "layer_types", "full_attention or sliding_attention", has];
            refused(|| read(&with(family, sliding(types.clone()))), &parts);
        }
    }
    for family in ["gemma3_text", "qwen2", "qwen3"] {
        let spec = accepted(family, sliding(json!(["sliding_attention", "full_attention"])));
        let windows: Vec<_> = spec.layers.iter().map(|layer| layer.window).collect();
        assert_eq!(windows, [Some(16), None], "{family}");
    }
}

#[test]
fn rope_scalings() {
    let llama3 = |fields: Value| {
        let mut scaling = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192});
        for (field, value) in fields.as_object().unwrap() {
            scaling[field] = value.clone();
        }
        scaling
    };
    let known = "expected one of: default, linear, llama3";
    let rows = [
        (json!({"rope_type": "yarn", "factor": 4.0}), ["\"yarn\"", known]),
        (json!({"type": "dynamic", "factor": 4.0}), ["\"dynamic\"", known]),
        (json!({"rope_type": 3}), ["rope_type = 3", "a text"]),
        (json!({"rope_type": "linear"}), ["factor = nothing", "above 0"]),
        (json!({"rope_type": "linear", "factor": 0}), ["factor = 0", "above 0"]),
        (json!({"rope_type": "linear", "factor": "NaN"}), ["factor = \"NaN\"", "above 0"]),
        (json!({"rope_type": "default", "partial_rotary_factor": 0.5}), ["partial_rotary_factor = 0.5", "1"]),
        (
            llama3(json!({"high_freq_factor": 1.0})),
            ["high_freq_factor = 1.0", "more than low_freq_factor = 1"],
        ),
        (
            llama3(json!({"high_freq_factor": 0.5})),
            ["high_freq_factor = 0.5", "more than low_freq_factor = 1"],
        ),
        (llama3(json!({"low_freq_factor": null})), ["low_freq_factor = null", "above 0"]),
        (
            llama3(json!({"original_max_position_embeddings": 0})),
            ["original_max_position_embeddings", "from 1"],
        ),
    ];
    for (scaling, [found, expected]) in rows {
        // The field has two forms.
        for field in ["rope_scaling", "rope_parameters"] {
            let config = with("llama", json!({ field: scaling }));
            refused(|| read(&config), &["tiny/config.json", found, expected]);
        }
    }
}

#[test]
fn both_forms_of_rope_are_accepted() {
    let of = |family: &str, fields: Value| frequencies(&accepted(family, fields));
    for family in ["llama", "mistral", "qwen2", "qwen3"] {
        assert_close(&of(family, json!({}))[0], &powers(10_000.0, 1.0));
    }
    let linear = json!({"rope_type": "linear", "factor": 2.0});
    let old = of("llama", json!({"rope_theta": 5e5, "rope_scaling": linear}));
    let mut parameters = linear.clone();
    parameters["rope_theta"] = json!(5e5);
    assert_close(&old[0], &powers(5e5, 2.0));
    assert_eq!(old, of("llama", json!({"rope_parameters": parameters})));
    // A theta beside the parameters applies if they have none.
    assert_eq!(old, of("llama", json!({"rope_theta": 5e5, "rope_parameters": linear})));
    assert_eq!(
        old,
        of("llama", json!({"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}}))
    );

    // Gemma's layers with a window have a rotation of their own.
    let old =
        of("gemma3_text", json!({"rope_theta": 5e5, "rope_local_base_freq": 100.0, "rope_scaling": linear}));
    assert_close(&old[0], &powers(5e5, 2.0));
    assert_close(&old[1], &powers(100.0, 1.0));
    let local = json!({"rope_type": "default", "rope_theta": 100.0});
    let by_layer = json!({"full_attention": parameters, "sliding_attention": local});
    assert_eq!(old, of("gemma3_text", json!({"rope_parameters": by_layer})));
    assert_eq!(old, of("gemma3_text", json!({"rope_local_base_freq": 100.0, "rope_parameters": parameters})));
    let default = of("gemma3_text", json!({}));
    assert_close(&default[0], &powers(1e6, 1.0));
    assert_close(&default[1], &powers(1e4, 1.0));
}

/// For a context of 2π · 8, the pairs make 8, 0.8, .. turns. The first is kept, the second is blended with weight (0.8
/// - 0.5) / (2.5 - 0.5), and the others are stretched.
#[test]
fn llama3_scaling_by_hand() {
    let scaling = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 0.5, "high_freq_factor": 2.5,
        "original_max_position_embeddings": 50});
    let spec = accepted("llama", json!({"rope_theta": 10_000.0, "rope_scaling": scaling}));
    let turns = 50.0 * 0.1 / std::f64::consts::TAU;
    let keep = (turns - 0.5) / 2.0;
    assert_close(&frequencies(&spec)[0], &[1.0, 0.1 * (keep + (1.0 - keep) / 8.0), 0.01 / 8.0, 0.001 / 8.0]);
}

#[test]
fn family_choices() {
    let windows = |spec: &DecoderSpec| spec.layers.iter().map(|layer| layer.window).collect::<Vec<_>>();

    let llama =
        accepted("llama", json!({"tie_word_embeddings": true, "attention_bias": true, "mlp_bias": true}));
    assert_eq!((llama.family.name(), llama.activation), ("llama", Activation::SwiGlu));
    assert!(llama.tied_head && llama.parts.qkv_bias && llama.parts.o_bias && llama.parts.mlp_bias);
    assert_eq!((windows(&llama), llama.layers[0].attention_scale), (vec![None; 2], 1.0 / 8_f32.sqrt()));

    assert_eq!(windows(&accepted("mistral", json!({"sliding_window": 16}))), [Some(16); 2]);
    assert_eq!(windows(&accepted("mistral", json!({"sliding_window": null}))), [None; 2]);
    assert_eq!(windows(&accepted("mistral", json!({}))), [Some(4096); 2]);

    let qwen2 = accepted("qwen2", json!({"sliding_window": 16, "use_sliding_window": false}));
    assert!(qwen2.parts.qkv_bias && !qwen2.parts.o_bias && !qwen2.parts.qk_norm && !qwen2.tied_head);
    assert_eq!(windows(&qwen2), [None; 2]);
    let fields = json!({"sliding_window": 16, "use_sliding_window": true, "max_window_layers": 1});
    assert_eq!(windows(&accepted("qwen2", fields)), [None, Some(16)]);
    let qwen3 = accepted("qwen3", json!({}));
    assert!(!qwen3.parts.qkv_bias && qwen3.parts.qk_norm && !qwen3.parts.post_norms);

    let fields = json!({"num_hidden_layers": 7, "sliding_window": 16, "query_pre_attn_scalar": 16,
        "final_logit_softcapping": 30.0, "attn_logit_softcapping": null, "hidden_activation": "gelu_pytorch_tanh"});
    let gemma = accepted("gemma3_text", fields);
    assert_eq!((gemma.activation, gemma.embedding_scale), (Activation::GeGlu, 32_f32.sqrt()));
    assert_eq!((gemma.attention_softcap, gemma.logit_softcap), (None, Some(30.0)));
    assert!(gemma.tied_head && gemma.parts.qk_norm && gemma.parts.post_norms);
    let mut expected = vec![Some(16); 7];
    expected[5] = None;
    assert_eq!((windows(&gemma), gemma.layers[0].attention_scale), (expected, 0.25));
    assert_eq!(gemma.layers.iter().map(|layer| layer.rope).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 0, 1]);

    // Without model_type, the class decides.
    let mut by_class = config("llama");
    by_class["model_type"] = Value::Null;
    by_class["architectures"] = json!(["Qwen3ForCausalLM"]);
    assert_eq!(read(&by_class).unwrap().family.name(), "qwen3");
}

#[test]
fn the_text_of_a_gemma_that_sees_images() {
    let flat =
        accepted("gemma3_text", json!({"sliding_window": 16, "bos_token_id": 2, "eos_token_id": [1, 6]}));
    let mut text = with("gemma3_text", json!({"sliding_window": 16}));
    // Fields of the vision part do not count. Ids of special tokens beside it do.
    let config = json!({"model_type": "gemma3", "text_config": text, "vision_config": {"x": 1}, "eos_token_id": [1, 6]});
    assert_eq!(read(&config).unwrap(), flat);
    let beside = json!({"model_type": "gemma3", "text_config": text, "hidden_size": 7});
    refused(|| read(&beside), &["hidden_size = 7", "may change what the model computes"]);
    text["eos_token_id"] = json!(1);
    let own = read(&json!({"model_type": "gemma3", "text_config": text, "eos_token_id": [1, 6]})).unwrap();
    assert_eq!(own.eos_token_ids, [1]);
    // As in the 4B model, fields with default values are missing.
    let spec = read(&json!({"model_type": "gemma3", "text_config": {"hidden_size": 2560, "num_hidden_layers": 34,
        "intermediate_size": 10240, "sliding_window": 1024, "rope_scaling": {"factor": 8.0, "rope_type": "linear"}}}))
    .unwrap();
    assert_eq!((spec.vocab_size, spec.num_heads, spec.num_kv_heads, spec.head_dim), (262_208, 8, 4, 256));
    assert_eq!((spec.bos_token_id, spec.eos_token_ids), (Some(2), vec![1]));
    assert_eq!(spec.max_seq_len, 131_072);
}

/// The tensors of a Llama with [`config`]. One has another shape, or is missing if that shape is empty.
pub fn tensors(prefix: &str, changed: (&str, &[usize])) -> Vec<(String, Vec<usize>)> {
    let mut tensors = vec![
        (format!("{prefix}embed_tokens.weight"), vec![20, 32]),
        (format!("{prefix}norm.weight"), vec![32]),
        ("lm_head.weight".to_owned(), vec![20, 32]),
    ];
    for layer in 0..2 {
        for (name, shape) in [
            ("input_layernorm", vec![32]),
            ("post_attention_layernorm", vec![32]),
            ("self_attn.q_proj", vec![32, 32]),
            ("self_attn.k_proj", vec![16, 32]),
            ("self_attn.v_proj", vec![16, 32]),
            ("self_attn.o_proj", vec![32, 32]),
            ("mlp.gate_proj", vec![24, 32]),
            ("mlp.up_proj", vec![24, 32]),
            ("mlp.down_proj", vec![32, 24]),
        ] {
            tensors.push((format!("{prefix}layers.{layer}.{name}.weight"), shape));
        }
    }
    let (name, shape) = changed;
    for tensor in &mut tensors {
        if tensor.0 == name {
            tensor.1 = shape.to_vec();
        }
    }
    tensors.retain(|(_, shape)| !shape.is_empty());
    tensors
}

pub fn load(config: Value, tensors: &[(String, Vec<usize>)]) -> sukashi::Result<Model> {
    Model::from_files(&Device::Cpu, files(config, tensors), &mut |_, _| {})
}

/// A model in memory. All elements of its tensors are 0.
pub fn files(config: Value, tensors: &[(String, Vec<usize>)]) -> ModelFiles {
    use safetensors::{Dtype, tensor::TensorView};
    let zeros = vec![0_u8; 4 * 20 * 64];
    let views = tensors.iter().map(|(name, shape)| {
        let bytes = 4 * shape.iter().product::<usize>();
        (name, TensorView::new(Dtype::F32, shape.clone(), &zeros[..bytes]).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    ModelFiles {
        name: "tiny".into(),
        config,
        config_label: "tiny/config.json".into(),
        weights: Weights::Safetensors(Safetensors::from_bytes("tiny/model.safetensors", bytes).unwrap()),
        tokenizer: None,
        generation_config: None,
        chat: Ok(None),
        allow_unused_tensors: false,
    }
}

#[test]
fn tensors_of_another_shape() {
    let layer = "model.layers.1";
    for (name, shape, found, expected) in [
        ("self_attn.q_proj", [16, 32], "[16, 32]", "[num_heads * head_dim, hidden_size] = [32, 32]"),
        ("self_attn.k_proj", [32, 32], "[32, 32]", "[num_kv_heads * head_dim, hidden_size] = [16, 32]"),
        ("self_attn.v_proj", [16, 16], "[16, 16]", "[num_kv_heads * head_dim, hidden_size] = [16, 32]"),
        ("self_attn.o_proj", [32, 16], "[32, 16]", "[hidden_size, num_heads * head_dim] = [32, 32]"),
        ("mlp.gate_proj", [32, 24], "[32, 24]", "[intermediate_size, hidden_size] = [24, 32]"),
        ("mlp.down_proj", [24, 32], "[24, 32]", "[hidden_size, intermediate_size] = [32, 24]"),
    ] {
        let name = format!("{layer}.{name}.weight");
        let tensors = tensors("model.", (&name, &shape));
        let cannot = format!("cannot load {name} from tiny/model.safetensors");
        let found = format!("found shape {found}, expected {expected}");
        refused(|| load(config("llama"), &tensors), &[&cannot, &found, "hint"]);
    }
    let norm = tensors("model.", ("model.norm.weight", &[31]));
    refused(|| load(config("llama"), &norm), &["model.norm.weight", "[31], expected [hidden_size] = [32]"]);
}

#[test]
fn tensors_that_are_missing() {
    for name in ["model.layers.0.self_attn.k_proj.weight", "model.layers.1.input_layernorm.weight"] {
        let tensors = tensors("model.", (name, &[]));
        refused(|| load(config("llama"), &tensors), &["cannot load", name, "no such tensor"]);
    }
    let no_head = tensors("model.", ("lm_head.weight", &[]));
    refused(|| load(config("llama"), &no_head), &["cannot load lm_head.weight", "tie_word_embeddings"]);
    load(with("llama", json!({"tie_word_embeddings": true})), &no_head).unwrap();
    // A Llama's weights, with the configuration of another family.
    let all = tensors("model.", ("", &[]));
    refused(|| load(config("qwen2"), &all), &["model.layers.0.self_attn.q_proj.bias", "no such tensor"]);
    refused(|| load(config("qwen3"), &all), &["model.layers.0.self_attn.q_norm.weight", "no such tensor"]);
    refused(|| load(config("gpt2"), &all), &["n_embd is missing"]);
    load(config("mistral"), &all).unwrap();
    // The prefix may be missing, or may be that of a model with a vision part.
    load(config("llama"), &tensors("", ("", &[]))).unwrap();
    load(config("llama"), &tensors("language_model.model.", ("", &[]))).unwrap();
}
