//! A vocabulary gives the same ids as a `tokenizer.json` with the same tokens.

use std::path::Path;

use serde_json::{Value, json};
use sukashi::text::{EncodeOptions, Tokenizer};
use sukashi::weights::ModelFiles;

use super::{WITHOUT_BOS, golden, vocabulary};

const GPT2: &str = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

fn model(fields: &Value, merges: Value) -> Value {
    let tokens = fields["tokens"].as_array().unwrap();
    let vocab: serde_json::Map<_, _> = tokens
        .iter()
        .enumerate()
        .map(|(id, token)| (token.as_str().unwrap().to_string(), json!(id)))
        .collect();
    json!({"type": "BPE", "vocab": vocab, "merges": merges, "byte_fallback": false, "fuse_unk": false})
}

fn special(fields: &Value) -> Value {
    let types = fields["token_type"].as_array().unwrap();
    let added = types.iter().enumerate().filter(|(_, kind)| [json!(2), json!(3), json!(4)].contains(kind)).map(
        |(id, kind)| {
            json!({"id": id, "content": fields["tokens"][id], "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": *kind != json!(4)})
        },
    );
    Value::from_iter(added)
}

fn compare(name: &str, file: &Value) {
    let golden = golden(name);
    let ours = Tokenizer::from_vocabulary(name, vocabulary(&golden["vocabulary"])).unwrap();
    let theirs = Tokenizer::from_bytes("tokenizer.json", file.to_string().as_bytes()).unwrap();
    assert_eq!(ours.vocab_size(), theirs.vocab_size());
    for entry in golden["texts"].as_array().unwrap() {
        let text = entry["text"].as_str().unwrap();
        let [a, b] = [&ours, &theirs].map(|tokenizer| tokenizer.encode(text, WITHOUT_BOS).unwrap());
        assert_eq!(a, b, "{text:?}");
        assert_eq!(ours.decode(&a), theirs.decode(&b));
        for &id in &a {
            assert_eq!(ours.token(id), theirs.token(id));
        }
    }
}

#[test]
fn gpt2() {
    let golden = golden("gpt-2");
    let fields = &golden["vocabulary"];
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    compare(
        "gpt-2",
        &json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": special(fields), "normalizer": null,
            "pre_tokenizer": byte_level, "post_processor": null, "decoder": byte_level,
            "model": model(fields, fields["merges"].clone()),
        }),
    );
    let split = json!({"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": GPT2}, "behavior": "Isolated", "invert": false},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]});
    compare(
        "gpt-2",
        &json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": special(fields), "normalizer": null,
            "pre_tokenizer": split, "post_processor": null, "decoder": byte_level,
            "model": model(fields, fields["merges"].clone()),
        }),
    );
}

/// Merges as transformers converts a SentencePiece model: all ways to cut a piece, and the highest score first.
#[test]
fn sentencepiece() {
    let golden = golden("llama-prefix");
    let fields = &golden["vocabulary"];
    let tokens: Vec<&str> =
        fields["tokens"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    let mut merges = Vec::new();
    for (id, token) in tokens.iter().enumerate() {
        for (middle, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(middle);
            if tokens.contains(&left) && tokens.contains(&right) {
                merges.push((fields["scores"][id].as_f64().unwrap(), left, right));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0));
    let merges: Vec<_> = merges.into_iter().map(|(_, left, right)| json!([left, right])).collect();
    let mut model = model(fields, json!(merges));
    model["byte_fallback"] = json!(true);
    model["fuse_unk"] = json!(true);
    model["unk_token"] = json!("<unk>");
    let replaced = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    compare(
        "llama-prefix",
        &json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": special(fields),
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replaced]},
            "pre_tokenizer": null, "post_processor": null,
            "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
            "model": model,
        }),
    );
}

/// A folder and a GGUF file hold one model. `tokenizer_config.json` says the same of `<bos>` as the metadata.
#[test]
fn both_forms_of_a_model_give_the_same_ids() {
    for name in ["gpt-2", "smollm", "llama-bpe", "qwen2", "tekken", "llama-prefix", "llama-plain"] {
        let golden = golden(name);
        let fields = &golden["vocabulary"];
        let of_gguf = Tokenizer::from_vocabulary(name, vocabulary(fields)).unwrap();
        let mut file: Value = serde_json::from_str(&of_gguf.to_json().unwrap()).unwrap();
        file["post_processor"] = Value::Null;
        let bos = fields["bos_token_id"].as_u64().map(|id| &fields["tokens"][id as usize]);
        let config = json!({
            "tokenizer_class": if name.starts_with("llama-p") { "LlamaTokenizer" } else { "PreTrainedTokenizerFast" },
            "add_bos_token": golden["begins_with_bos"],
            "bos_token": bos,
        });
        let folder = tempfile::tempdir().unwrap();
        for model_file in ["config.json", "model.safetensors"] {
            let source = Path::new("tests/goldens/llama-tiny").join(model_file);
            std::fs::copy(source, folder.path().join(model_file)).unwrap();
        }
        for (name, value) in [("tokenizer.json", &file), ("tokenizer_config.json", &config)] {
            std::fs::write(folder.path().join(name), value.to_string()).unwrap();
        }
        let of_folder = ModelFiles::open(folder.path()).unwrap().tokenizer.unwrap();
        assert_eq!(of_folder.text_end_ids(), of_gguf.text_end_ids(), "{name}");
        assert_eq!(of_folder.turn_end_ids(), of_gguf.turn_end_ids(), "{name}");
        for entry in golden["texts"].as_array().unwrap() {
            let text = entry["text"].as_str().unwrap();
            for add_special_tokens in [false, true] {
                let options = EncodeOptions { add_special_tokens, ..WITHOUT_BOS };
                let [a, b] = [&of_gguf, &of_folder].map(|it| it.encode(text, options).unwrap());
                assert_eq!(a, b, "{name}: {text:?}");
                assert_eq!(of_gguf.decode(&a), of_folder.decode(&b), "{name}: {text:?}");
            }
        }
    }
}
