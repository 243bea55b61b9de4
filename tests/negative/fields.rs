//! Every field of a `config.json` is read, or known to have no effect, or else an error.

use serde_json::{Value, json};
use sukashi::model::spec;

use super::refused;

fn read(config: &Value) -> sukashi::Result<sukashi::model::DecoderSpec> {
    spec::from_config(config, "tiny/config.json")
}

/// The fields that every file of these sizes has, with `fields` added.
fn with(model_type: &str, fields: &Value) -> Value {
    let mut config = match model_type {
        "gpt2" => json!({"vocab_size": 100, "n_positions": 32, "n_embd": 64, "n_layer": 2, "n_head": 4}),
        _ => json!({
            "vocab_size": 20, "hidden_size": 32, "intermediate_size": 24, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64,
        }),
    };
    config["model_type"] = model_type.into();
    for (field, value) in fields.as_object().unwrap() {
        config[field] = value.clone();
    }
    config
}

const FAMILIES: [&str; 6] = ["gpt2", "llama", "mistral", "qwen2", "qwen3", "gemma3_text"];

#[test]
fn unknown_fields_are_named() {
    for family in FAMILIES {
        for (field, value) in [
            ("attention_multiplier", json!(0.015625)),
            ("clip_qkv", json!(8)),
            ("pruned_heads", json!({"0": [1]})),
            ("no_rope_layers", json!([1, 1, 1, 0])),
            ("original_max_position_embeddings", json!(4096)),
            ("per_layer_config", json!({"0": {}})),
            ("use_qk_norm", json!(true)),
            ("something_new", json!("some value")),
            ("something_new", json!(0)),
        ] {
            let parts = [
                "tiny/config.json",
                field,
                "may change what the model computes",
                &format!("{field} = {value}"),
            ];
            refused(|| read(&with(family, &json!({ field: value }))), &parts);
        }
        // With these values, a field asks for nothing.
        for nothing in [json!(null), json!(false), json!(""), json!([]), json!({})] {
            read(&with(family, &json!({"something_new": nothing}))).unwrap();
        }
    }
    let long = json!({"x".repeat(1 << 20): "y".repeat(1 << 20)});
    let message = read(&with("llama", &long)).unwrap_err().to_string();
    assert!(message.len() < 1000, "{} bytes", message.len());
}

#[test]
fn fields_that_multiply_are_accepted_at_1_alone() {
    for field in ["embedding_multiplier", "residual_multiplier", "logits_scaling", "rotary_pct"] {
        read(&with("llama", &json!({ field: 1 }))).unwrap();
        read(&with("llama", &json!({ field: 1.0 }))).unwrap();
        refused(|| read(&with("llama", &json!({ field: 12.0 }))), &[field, "12.0", "expected 1"]);
    }
    // For an unknown field, false asks for nothing. Here it is the opposite of the computation.
    refused(|| read(&with("qwen3", &json!({"is_causal": false}))), &["is_causal = false", "expected true"]);
}

#[test]
fn fields_of_one_family_are_none_of_another() {
    for (family, field, value) in [
        ("gpt2", "rope_theta", json!(10_000.0)),
        ("gpt2", "hidden_size", json!(64)),
        ("llama", "sliding_window", json!(4096)),
        ("llama", "use_sliding_window", json!(true)),
        ("llama", "query_pre_attn_scalar", json!(256)),
        ("llama", "final_logit_softcapping", json!(30.0)),
        ("llama", "rope_local_base_freq", json!(10_000.0)),
        ("mistral", "attention_bias", json!(true)),
        ("mistral", "mlp_bias", json!(true)),
        ("qwen2", "mlp_bias", json!(true)),
        ("gemma3_text", "scale_attn_weights", json!(true)),
    ] {
        let parts = [&format!("found {field} = {value}"), "may change what the model computes"];
        refused(|| read(&with(family, &json!({ field: value }))), &parts);
    }
    read(&with("qwen2", &json!({"attention_bias": true}))).unwrap();
    refused(
        || read(&with("llama", &json!({"layer_types": ["full_attention", "sliding_attention"]}))),
        &["layer_types", "full_attention for each layer; layer 1 has \"sliding_attention\""],
    );
    refused(
        || read(&with("qwen2", &json!({"layer_types": ["sliding_attention", "full_attention"]}))),
        &["layer_types", "layer 0 has \"sliding_attention\""],
    );
}

#[test]
fn causes_that_the_file_states() {
    for (fields, parts) in [
        (
            json!({"quantization_config": {"quant_method": "gptq", "bits": 4}}),
            ["quantised by GPTQ", "= \"gptq\""],
        ),
        (json!({"quantization_config": {"quant_method": "awq"}}), ["quantised by AWQ", "= \"awq\""]),
        (
            json!({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}}),
            ["quantised by bitsandbytes", "= \"bitsandbytes\""],
        ),
        (
            json!({"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {}}}),
            ["quantised by compressed-tensors", "quantization_config.quant_method"],
        ),
        (json!({"quantization_config": {"quant_method": "fp8"}}), ["quantised by FP8", "= \"fp8\""]),
        (
            json!({"quantization": {"bits": 4}, "quantization_config": {"bits": 4}}),
            ["quantised by MLX", "quantization = {\"bits\":4}"],
        ),
        (json!({"quantization": {"group_size": 64, "bits": 4}}), ["quantised by MLX", "quantization = {"]),
        (
            json!({"quantization_config": {"bits": 4}}),
            ["quantised weights", "quantization_config = {\"bits\":4}"],
        ),
        (json!({"num_local_experts": 8}), ["mixture of experts is not supported", "num_local_experts = 8"]),
        (json!({"num_experts": 64, "num_experts_per_tok": 8}), ["mixture of experts", "num_experts = 64"]),
        (json!({"n_routed_experts": 64}), ["mixture of experts", "n_routed_experts = 64"]),
        (
            json!({"auto_map": {"AutoModelForCausalLM": "modeling.Own"}}),
            ["code of its own", "auto_map = {\"AutoModelForCausalLM\":\"modeling.Own\"}"],
        ),
    ] {
        for family in FAMILIES {
            refused(|| read(&with(family, &fields)), &["tiny/config.json", parts[0], parts[1]]);
        }
        // The text part of a model with a vision part.
        let outer = json!({"model_type": "gemma3", "text_config": with("gemma3_text", &fields)});
        refused(|| read(&outer), &parts);
    }
    read(&with("llama", &json!({"num_local_experts": 0, "quantization_config": null, "auto_map": {}})))
        .unwrap();
}

#[test]
fn scalings_have_no_fields_of_other_kinds() {
    for (scaling, parts) in [
        (json!({"factor": 4.0}), ["factor = 4.0", "no such field without a rope_type"]),
        (json!({"rope_type": "default", "factor": 4.0}), ["factor = 4.0", "for rope_type \"default\""]),
        (
            json!({"type": "default", "mrope_section": [16, 24]}),
            ["mrope_section", "for rope_type \"default\""],
        ),
        (
            json!({"rope_type": "linear", "factor": 2.0, "low_freq_factor": 1.0}),
            ["low_freq_factor", "\"linear\""],
        ),
        (
            json!({"rope_type": "linear", "factor": 2.0, "attention_factor": 2.0}),
            ["attention_factor", "\"linear\""],
        ),
    ] {
        for field in ["rope_scaling", "rope_parameters"] {
            refused(|| read(&with("llama", &json!({ field: scaling }))), &parts);
        }
    }
    let linear = json!({"rope_type": "linear", "factor": 2.0, "original_max_position_embeddings": 2048});
    read(&with("llama", &json!({"rope_scaling": linear}))).unwrap();
    read(&with("llama", &json!({"rope_scaling": linear, "rope_parameters": linear}))).unwrap();
    refused(
        || read(&with("llama", &json!({"rope_scaling": linear, "rope_parameters": {"rope_theta": 5e5}}))),
        &["rope_scaling", "beside rope_parameters"],
    );
    let by_kind = json!({"full_attention": {"rope_theta": 5e5}, "sliding_attention": {"rope_theta": 1e4}});
    refused(
        || read(&with("mistral", &json!({"rope_parameters": by_kind}))),
        &["one rotation for all layers"],
    );
    let mixed = json!({"full_attention": {"rope_theta": 5e5}, "rope_theta": 1e4});
    refused(
        || read(&with("gemma3_text", &json!({"rope_parameters": mixed}))),
        &["one for each kind of layer"],
    );
}

/// Files as published on the hub, with all their fields, of six families and of several ages.
#[test]
fn published_files_are_accepted() {
    for text in PUBLISHED {
        let config: Value = serde_json::from_str(text).unwrap();
        read(&config).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
}

const PUBLISHED: &[&str] = &[
    // GPT-2, small and medium, and a Japanese model.
    r#"{"activation_function":"gelu_new","architectures":["GPT2LMHeadModel"],"attn_pdrop":0.1,"bos_token_id":50256,
        "embd_pdrop":0.1,"eos_token_id":50256,"initializer_range":0.02,"layer_norm_epsilon":1e-05,"model_type":"gpt2",
        "n_ctx":1024,"n_embd":768,"n_head":12,"n_layer":12,"n_positions":1024,"resid_pdrop":0.1,"summary_activation":null,
        "summary_first_dropout":0.1,"summary_proj_to_labels":true,"summary_type":"cls_index","summary_use_proj":true,
        "task_specific_params":{"text-generation":{"do_sample":true,"max_length":50}},"vocab_size":50257}"#,
    r#"{"_num_labels":1,"activation_function":"gelu_new","architectures":["GPT2LMHeadModel"],"attn_pdrop":0.1,
        "bos_token_id":50256,"embd_pdrop":0.1,"eos_token_id":50256,"id2label":{"0":"LABEL_0"},"initializer_range":0.02,
        "label2id":{"LABEL_0":0},"layer_norm_epsilon":1e-05,"model_type":"gpt2","n_ctx":1024,"n_embd":768,"n_head":12,
        "n_layer":6,"n_positions":1024,"n_special":0,"predict_special_tokens":true,"resid_pdrop":0.1,
        "summary_activation":null,"summary_first_dropout":0.1,"summary_proj_to_labels":true,"summary_type":"cls_index",
        "summary_use_proj":true,"task_specific_params":{"text-generation":{"do_sample":true}},"vocab_size":50257}"#,
    r#"{"activation_function":"gelu_new","architectures":["GPT2LMHeadModel"],"attn_pdrop":0.1,"bos_token_id":1,
        "embd_pdrop":0.1,"eos_token_id":2,"gradient_checkpointing":false,"initializer_range":0.02,
        "layer_norm_epsilon":1e-05,"model_type":"gpt2","n_ctx":1024,"n_embd":768,"n_head":12,"n_inner":3072,"n_layer":12,
        "n_positions":1024,"reorder_and_upcast_attn":false,"resid_pdrop":0.1,"scale_attn_by_inverse_layer_idx":false,
        "scale_attn_weights":true,"summary_activation":null,"summary_first_dropout":0.1,"summary_proj_to_labels":true,
        "summary_type":"cls_index","summary_use_proj":true,"tokenizer_class":"T5Tokenizer",
        "task_specific_params":{"text-generation":{"do_sample":true,"max_length":50}},"use_cache":true,"vocab_size":32000}"#,
    // Llama 2, 3.1, 3.2 from another publisher, and a small Llama.
    r#"{"_name_or_path":"a/b","architectures":["LlamaForCausalLM"],"bos_token_id":1,"eos_token_id":2,"hidden_act":"silu",
        "hidden_size":4096,"initializer_range":0.02,"intermediate_size":11008,"max_position_embeddings":4096,
        "model_type":"llama","num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":32,"pretraining_tp":1,
        "rms_norm_eps":1e-05,"rope_scaling":null,"tie_word_embeddings":false,"torch_dtype":"float16",
        "transformers_version":"4.31.0.dev0","use_cache":true,"vocab_size":32000}"#,
    r#"{"architectures":["LlamaForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":128000,
        "eos_token_id":[128001,128008,128009],"head_dim":64,"hidden_act":"silu","hidden_size":2048,"initializer_range":0.02,
        "intermediate_size":8192,"max_position_embeddings":131072,"mlp_bias":false,"model_type":"llama",
        "num_attention_heads":32,"num_hidden_layers":16,"num_key_value_heads":8,"pad_token_id":128004,"pretraining_tp":1,
        "rms_norm_eps":1e-05,"rope_scaling":{"factor":32.0,"high_freq_factor":4.0,"low_freq_factor":1.0,
        "original_max_position_embeddings":8192,"rope_type":"llama3"},"rope_theta":500000.0,"tie_word_embeddings":true,
        "torch_dtype":"bfloat16","transformers_version":"4.45.0.dev0","unsloth_fixed":true,"use_cache":true,
        "vocab_size":128256}"#,
    r#"{"architectures":["LlamaForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":1,
        "eos_token_id":2,"hidden_act":"silu","hidden_size":576,"initializer_range":0.041666666666666664,
        "intermediate_size":1536,"is_llama_config":true,"max_position_embeddings":8192,"mlp_bias":false,
        "model_type":"llama","num_attention_heads":9,"num_hidden_layers":30,"num_key_value_heads":3,"pad_token_id":2,
        "pretraining_tp":1,"rms_norm_eps":1e-05,"rope_interleaved":false,"rope_scaling":null,"rope_theta":100000,
        "tie_word_embeddings":true,"torch_dtype":"bfloat16","transformers.js_config":{"kv_cache_dtype":{"q4f16":"float16"}},
        "transformers_version":"4.42.3","use_cache":true,"vocab_size":49152}"#,
    // Mistral 7B, old and new.
    r#"{"architectures":["MistralForCausalLM"],"bos_token_id":1,"eos_token_id":2,"hidden_act":"silu","hidden_size":4096,
        "initializer_range":0.02,"intermediate_size":14336,"max_position_embeddings":32768,"model_type":"mistral",
        "num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":8,"rms_norm_eps":1e-05,"rope_theta":10000.0,
        "sliding_window":4096,"tie_word_embeddings":false,"torch_dtype":"bfloat16","transformers_version":"4.34.0.dev0",
        "use_cache":true,"vocab_size":32000}"#,
    r#"{"architectures":["MistralForCausalLM"],"attention_dropout":0.0,"bos_token_id":1,"eos_token_id":2,"head_dim":128,
        "hidden_act":"silu","hidden_size":5120,"initializer_range":0.02,"intermediate_size":14336,
        "max_position_embeddings":131072,"model_type":"mistral","num_attention_heads":32,"num_hidden_layers":40,
        "num_key_value_heads":8,"rms_norm_eps":1e-05,"rope_theta":1000000.0,"sliding_window":null,
        "tie_word_embeddings":false,"torch_dtype":"bfloat16","transformers_version":"4.43.0.dev0","use_cache":true,
        "vocab_size":131072}"#,
    // Qwen 2.5, a model that was distilled into it, and Qwen 3.
    r#"{"architectures":["Qwen2ForCausalLM"],"attention_dropout":0.0,"bos_token_id":151643,"eos_token_id":151643,
        "hidden_act":"silu","hidden_size":896,"initializer_range":0.02,"intermediate_size":4864,
        "max_position_embeddings":32768,"max_window_layers":24,"model_type":"qwen2","num_attention_heads":14,
        "num_hidden_layers":24,"num_key_value_heads":2,"rms_norm_eps":1e-06,"rope_theta":1000000.0,"sliding_window":32768,
        "tie_word_embeddings":true,"torch_dtype":"bfloat16","transformers_version":"4.40.1","use_cache":true,
        "use_mrope":false,"use_sliding_window":false,"vocab_size":151936}"#,
    r#"{"architectures":["Qwen3ForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":151643,
        "eos_token_id":151645,"head_dim":128,"hidden_act":"silu","hidden_size":1024,"initializer_range":0.02,
        "intermediate_size":3072,"max_position_embeddings":40960,"max_window_layers":28,"model_type":"qwen3",
        "num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":8,"rms_norm_eps":1e-06,"rope_scaling":null,
        "rope_theta":1000000,"sliding_window":null,"tie_word_embeddings":true,"torch_dtype":"bfloat16",
        "transformers_version":"4.51.0","use_cache":true,"use_sliding_window":false,"vocab_size":151936}"#,
    // Gemma 3: a text model, old and new, and the text part of a model with a vision part.
    r#"{"architectures":["Gemma3ForCausalLM"],"attention_bias":false,"attention_dropout":0.0,
        "attn_logit_softcapping":null,"bos_token_id":2,"cache_implementation":"hybrid","eos_token_id":[1,106],
        "final_logit_softcapping":null,"head_dim":256,"hidden_activation":"gelu_pytorch_tanh","hidden_size":1152,
        "initializer_range":0.02,"intermediate_size":6912,"max_position_embeddings":32768,"model_type":"gemma3_text",
        "num_attention_heads":4,"num_hidden_layers":26,"num_key_value_heads":1,"pad_token_id":0,
        "query_pre_attn_scalar":256,"rms_norm_eps":1e-06,"rope_local_base_freq":10000,"rope_scaling":null,
        "rope_theta":1000000,"sliding_window":512,"sliding_window_pattern":6,"torch_dtype":"bfloat16",
        "transformers_version":"4.50.0.dev0","use_cache":true,"vocab_size":262144}"#,
    r#"{"_sliding_window_pattern":6,"architectures":["Gemma3ForCausalLM"],"attention_bias":false,"attention_dropout":0.0,
        "attn_logit_softcapping":null,"bos_token_id":2,"dtype":"bfloat16","eos_token_id":1,"final_logit_softcapping":null,
        "head_dim":256,"hidden_activation":"gelu_pytorch_tanh","hidden_size":640,"initializer_range":0.02,
        "intermediate_size":2048,"layer_types":["sliding_attention","sliding_attention","full_attention"],
        "max_position_embeddings":32768,"model_type":"gemma3_text","num_attention_heads":4,"num_hidden_layers":3,
        "num_key_value_heads":1,"pad_token_id":0,"query_pre_attn_scalar":256,"rms_norm_eps":1e-06,
        "rope_parameters":{"full_attention":{"rope_theta":1000000.0,"rope_type":"default"},
        "sliding_attention":{"rope_theta":10000.0,"rope_type":"default"}},"sliding_window":512,
        "tie_word_embeddings":true,"transformers_version":"5.0.0","use_bidirectional_attention":false,"use_cache":true,
        "vocab_size":262144}"#,
    r#"{"architectures":["Gemma3ForConditionalGeneration"],"boi_token_index":255999,"eoi_token_index":256000,
        "eos_token_id":[1,106],"image_token_index":262144,"initializer_range":0.02,"mm_tokens_per_image":256,
        "model_type":"gemma3","text_config":{"hidden_size":2560,"intermediate_size":10240,"model_type":"gemma3_text",
        "num_hidden_layers":34,"rope_scaling":{"factor":8.0,"rope_type":"linear"},"sliding_window":1024},
        "torch_dtype":"bfloat16","transformers_version":"4.50.0.dev0","vision_config":{"hidden_size":1152,
        "image_size":896,"intermediate_size":4304,"model_type":"siglip_vision_model","num_attention_heads":16,
        "num_hidden_layers":27,"patch_size":14,"vision_use_head":false}}"#,
];
