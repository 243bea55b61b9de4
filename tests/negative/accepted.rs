//! Valid input that must not be refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use half::{bf16, f16};
use serde_json::json;
use sukashi::model::DecoderSpec;
use sukashi::model::spec::{self, Activation, Norm, Position};
use sukashi::text::{EncodeOptions, Tokenizer};
use sukashi::weights::{Dtype, ModelFiles, Safetensors};

use super::safetensors_bytes;
use super::tokenizer::{bpe, file, open};

const TINY: &str = "tests/goldens/gpt2-tiny";

fn scales(spec: &DecoderSpec) -> Vec<f32> {
    spec.layers.iter().map(|layer| layer.attention_scale).collect()
}

#[test]
fn gpt2_tiny() {
    let model = ModelFiles::open(Path::new(TINY)).unwrap();
    assert_eq!(model.name, "gpt2-tiny");
    assert!(model.tokenizer.is_none());
    let spec = spec::from_config(&model.config, &model.config_label).unwrap();
    assert_eq!((spec.family.name(), &spec.position), ("gpt2", &Position::Learned));
    assert_eq!((spec.vocab_size, spec.hidden_size, spec.intermediate_size), (307, 48, 192));
    assert_eq!((spec.num_layers, spec.num_heads, spec.num_kv_heads, spec.head_dim), (3, 4, 4, 12));
    assert_eq!((spec.max_seq_len, spec.tied_head), (64, true));
    assert_eq!((spec.activation, spec.norm), (Activation::GeluTanh, Norm::LayerNorm { eps: 1e-5 }));
    assert_eq!(scales(&spec), [1.0 / 12_f32.sqrt(); 3]);
    assert_eq!((spec.bos_token_id, spec.eos_token_ids.as_slice()), (Some(306), &[306][..]));

    let info = model.weights.info("transformer.h.0.attn.c_attn.weight").unwrap();
    assert_eq!((info.dtype, info.shape.as_slice()), (Dtype::F32, &[48, 144][..]));
    assert!(model.weights.file_of("transformer.wte.weight").ends_with("gpt2-tiny/model.safetensors"));
    spec.check_tokenizer(None).unwrap();
}

#[test]
fn every_tensor_has_the_bytes_that_the_reference_reader_gives() {
    let bytes = fs::read(Path::new(TINY).join("model.safetensors")).unwrap();
    let reference = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weights = Safetensors::open(Path::new(TINY)).unwrap();
    assert_eq!(weights.names().count(), reference.len());
    let mut buffer = vec![7; 3];
    for (name, tensor) in reference.iter() {
        weights.read(name, &mut buffer).unwrap();
        assert_eq!(buffer, tensor.data(), "{name}");
        assert_eq!(weights.info(name).unwrap().shape, tensor.shape(), "{name}");
    }
}

#[test]
fn hashes_are_of_the_files() {
    use sha2::{Digest, Sha256};
    let bytes = fs::read(Path::new(TINY).join("model.safetensors")).unwrap();
    let expected: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(Safetensors::open(Path::new(TINY)).unwrap().sha256().unwrap(), expected);
    assert_eq!(Safetensors::from_bytes("tiny", bytes).unwrap().sha256().unwrap(), expected);
}

#[test]
fn a_model_in_shards_is_the_same_model() {
    let bytes = fs::read(Path::new(TINY).join("model.safetensors")).unwrap();
    let reference = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(Path::new(TINY).join("config.json"), folder.path().join("config.json")).unwrap();
    let mut weight_map = BTreeMap::new();
    let mut names: Vec<_> = reference.names();
    names.sort_unstable();
    for (index, part) in names.chunks(names.len().div_ceil(3)).enumerate() {
        let file = format!("model-{:05}-of-00003.safetensors", index + 1);
        let views = part.iter().map(|name| (*name, reference.tensor(name).unwrap()));
        fs::write(folder.path().join(&file), safetensors::serialize(views, None).unwrap()).unwrap();
        weight_map.extend(part.iter().map(|name| (name.to_string(), file.clone())));
    }
    let index = json!({"metadata": {"total_size": 1, "deep": [[[{}]]]}, "weight_map": weight_map});
    fs::write(folder.path().join("model.safetensors.index.json"), index.to_string()).unwrap();

    let sharded = ModelFiles::open(folder.path()).unwrap().weights;
    assert_eq!(sharded.names(), names);
    let mut hashed = Vec::new();
    for index in 1..=3 {
        let name = format!("model-{index:05}-of-00003.safetensors");
        hashed.extend(fs::read(folder.path().join(name)).unwrap());
    }
    use sha2::{Digest, Sha256};
    let expected: String = Sha256::digest(&hashed).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sharded.sha256().unwrap(), expected);
    // Threads share the files.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut buffer = Vec::new();
                for name in &names {
                    let data = reference.tensor(name).unwrap().data();
                    sharded.read_part(name, (0, data.len() as u64), &mut buffer).unwrap();
                    assert_eq!(buffer, data, "{name}");
                }
            });
        }
    });
}

#[cfg(unix)]
#[test]
fn shards_in_a_hub_cache_are_links_to_blobs() {
    use std::os::unix::fs::symlink;
    let cache = tempfile::tempdir().unwrap();
    let (blobs, snapshot) = (cache.path().join("blobs"), cache.path().join("snapshots").join("0123abc"));
    fs::create_dir_all(&blobs).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    fs::write(blobs.join("ff00"), safetensors_bytes(header, 4)).unwrap();
    symlink("../../blobs/ff00", snapshot.join("model-1.safetensors")).unwrap();
    fs::write(
        snapshot.join("model.safetensors.index.json"),
        "{\"weight_map\":{\"a\":\"model-1.safetensors\"}}",
    )
    .unwrap();
    Safetensors::open(&snapshot).unwrap();
}

#[test]
fn half_types_empty_tensors_scalars_and_masks() {
    let halves: Vec<u8> = [1.0, -2.5].iter().flat_map(|&x| f16::from_f32(x).to_le_bytes()).collect();
    let brains: Vec<u8> = [1.0, -2.5].iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect();
    use safetensors::{Dtype as FileDtype, tensor::TensorView};
    let views = [
        ("half", TensorView::new(FileDtype::F16, vec![2], &halves).unwrap()),
        ("brain", TensorView::new(FileDtype::BF16, vec![1, 2], &brains).unwrap()),
        ("empty", TensorView::new(FileDtype::F32, vec![3, 0], &[]).unwrap()),
        ("scalar", TensorView::new(FileDtype::F32, vec![], &[0, 0, 128, 63]).unwrap()),
        ("mask", TensorView::new(FileDtype::BOOL, vec![3], &[0, 1, 1]).unwrap()),
    ];
    let metadata = [("format".to_string(), "pt".to_string())].into();
    let bytes = safetensors::serialize(views, Some(metadata)).unwrap();
    let weights = Safetensors::from_bytes("mixed", bytes).unwrap();
    let mut buffer = Vec::new();
    for (name, dtype, shape, data) in [
        ("half", Dtype::F16, &[2][..], &halves[..]),
        ("brain", Dtype::Bf16, &[1, 2], &brains),
        ("empty", Dtype::F32, &[3, 0], &[]),
        ("scalar", Dtype::F32, &[], &[0, 0, 128, 63]),
        ("mask", Dtype::Other("BOOL"), &[3], &[0, 1, 1]),
    ] {
        let info = weights.info(name).unwrap();
        assert_eq!((info.dtype, info.shape.as_slice()), (dtype, shape), "{name}");
        weights.read(name, &mut buffer).unwrap();
        assert_eq!(buffer, data, "{name}");
    }
    assert_eq!(Dtype::Other("BOOL").to_string(), "BOOL");
}

#[test]
fn gpt2_choices() {
    let base = json!({
        "architectures": ["GPT2LMHeadModel"], "vocab_size": 100, "n_ctx": 32, "n_embd": 64, "n_layer": 4, "n_head": 4,
    });
    let read = |field: &str, value| {
        let mut config = base.clone();
        config[field] = value;
        spec::from_config(&config, "config.json").unwrap()
    };
    assert_eq!(read("n_inner", json!(null)).intermediate_size, 256);
    assert_eq!(read("n_inner", json!(100)).intermediate_size, 100);
    assert_eq!(read("n_positions", json!(16)).max_seq_len, 16);
    assert_eq!(read("use_cache", json!(true)).max_seq_len, 32);
    assert_eq!(read("activation_function", json!("gelu")).activation, Activation::GeluErf);
    assert_eq!(read("activation_function", json!("gelu_pytorch_tanh")).activation, Activation::GeluTanh);
    assert!(!read("tie_word_embeddings", json!(false)).tied_head);
    assert_eq!(scales(&read("scale_attn_weights", json!(false))), [1.0; 4]);
    let by_layer = scales(&read("scale_attn_by_inverse_layer_idx", json!(true)));
    assert_eq!(by_layer, [0.25, 0.125, 0.25_f32 / 3.0, 0.0625]);
    assert_eq!(read("reorder_and_upcast_attn", json!(true)), read("use_cache", json!(true)));
    assert_eq!(read("eos_token_id", json!([7, 9])).eos_token_ids, [7, 9]);
    // Small models often keep the default of a large model.
    assert_eq!(read("eos_token_id", json!(50256)).eos_token_ids, [0; 0]);
}

#[test]
fn the_embedded_tokenizer_round_trips() {
    let model = ModelFiles::embedded().unwrap();
    let spec = spec::from_config(&model.config, &model.config_label).unwrap();
    let tokenizer = model.tokenizer.unwrap();
    assert_eq!((tokenizer.vocab_size(), tokenizer.base_vocab_size()), (2948, 2948));
    spec.check_tokenizer(Some(tokenizer.base_vocab_size())).unwrap();
    let text = "吾輩は猫である。\n　名前はまだ無い。";
    let ids = tokenizer.encode(text, EncodeOptions::default()).unwrap();
    assert_eq!(ids.len(), text.chars().count());
    assert_eq!(tokenizer.decode(&ids), text);
    assert_eq!(tokenizer.token(ids[3]).bytes.unwrap(), "猫".as_bytes());
    let past = tokenizer.token(2948);
    assert_eq!((past.text, past.bytes), (None, None));
    assert_eq!(tokenizer.decode(&[ids[3], 999_999]), "猫\u{FFFD}");
}

/// Trains a byte-level BPE on a short text, as GPT-2's tokenizer.
fn byte_level() -> Tokenizer {
    use tokenizers::models::{TrainerWrapper, bpe};
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;
    let mut tokenizer = tokenizers::Tokenizer::new(bpe::BPE::default());
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    let mut trainer: TrainerWrapper = bpe::BpeTrainer::builder()
        .vocab_size(280)
        .show_progress(false)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build()
        .into();
    tokenizer
        .train(&mut trainer, ["吾輩は猫である。 the cat is a cat", "猫の名前はまだ無い。"].iter())
        .unwrap();
    tokenizer.add_special_tokens([tokenizers::AddedToken::from("<|endoftext|>", true)]).unwrap();
    tokenizer.add_tokens([tokenizers::AddedToken::from("é é", false)]).unwrap();
    Tokenizer::from_bytes("byte-level", tokenizer.to_string(false).unwrap().as_bytes()).unwrap()
}

#[test]
fn byte_level_tokens_are_bytes() {
    let tokenizer = byte_level();
    let text = "犬と猫 the cat\n🐈é";
    let ids = tokenizer.encode(text, EncodeOptions::default()).unwrap();
    let tokens: Vec<_> = ids.iter().map(|&id| tokenizer.token(id)).collect();
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.clone().unwrap()).collect();
    assert_eq!(bytes, text.as_bytes());
    assert_eq!(tokenizer.decode(&ids), text);

    let partial = tokens.iter().find(|token| std::str::from_utf8(token.bytes.as_ref().unwrap()).is_err());
    let partial = partial.expect("犬 is not in the training text, so it is cut");
    assert!(partial.text.as_ref().unwrap().contains('\u{FFFD}'));
    assert!(tokens.iter().any(|token| token.text.as_deref() == Some(" cat")), "{tokens:?}");
}

#[test]
fn streams_give_whole_characters() {
    let tokenizer = byte_level();
    let text = "犬と猫 the cat\n🐈é";
    let ids = tokenizer.encode(text, EncodeOptions::default()).unwrap();
    let mut stream = tokenizer.stream();
    let parts: Vec<_> = ids.iter().map(|&id| stream.push(id)).collect();
    assert!(parts.contains(&None), "some token ends within a character");
    assert!(parts.iter().flatten().all(|part| !part.contains('\u{FFFD}')), "{parts:?}");
    assert_eq!(parts.into_iter().flatten().collect::<String>(), text);
    assert_eq!(stream.finish(), None);

    // The text is cut off inside a character, or continues with another one.
    let cat: Vec<u32> = "🐈".bytes().map(|byte| byte_id(&tokenizer, byte)).collect();
    let (a, mut stream) = (byte_id(&tokenizer, b'a'), tokenizer.stream());
    assert_eq!(cat[..3].iter().filter_map(|&id| stream.push(id)).collect::<String>(), "");
    assert_eq!(stream.push(a).as_deref(), Some("\u{FFFD}a"));
    assert_eq!(stream.push(cat[0]), None);
    assert_eq!(stream.finish().as_deref(), Some("\u{FFFD}"));
    assert_eq!(tokenizer.decode(&[cat[1], a]), "\u{FFFD}a");
}

fn byte_id(tokenizer: &Tokenizer, byte: u8) -> u32 {
    (0..256).find(|&id| tokenizer.token(id).bytes == Some(vec![byte])).unwrap()
}

#[test]
fn added_tokens_are_written_as_they_are() {
    let tokenizer = byte_level();
    let ids = tokenizer.encode("a<|endoftext|>é é", EncodeOptions::default()).unwrap();
    assert_eq!(ids.len(), 3);
    assert_eq!(tokenizer.token(ids[1]).text.as_deref(), Some("<|endoftext|>"));
    assert!(tokenizer.is_special(ids[1]) && !tokenizer.is_special(ids[2]));
    assert_eq!(tokenizer.token(ids[2]).bytes.unwrap(), "é é".as_bytes());
    assert_eq!(tokenizer.decode(&ids), "aé é");
    assert_eq!(tokenizer.vocab_size(), tokenizer.base_vocab_size() + 2);
}

/// As in Llama 2: `▁` for spaces, byte tokens for rare characters, and one space that is dropped at the start.
#[test]
fn sentencepiece_spellings() {
    let mut vocab = vec!["<unk>", "<s>", "▁", "a", "▁a", "猫", "<0x0A>", "<0xE7>", "<0x8A>", "<0xAC>"];
    vocab.push("<0xZZ>");
    let mut model = bpe(&vocab, &[["▁", "a"]]);
    model["byte_fallback"] = json!(true);
    model["unk_token"] = json!("<unk>");
    model["fuse_unk"] = json!(true);
    let mut file = file(model);
    file["normalizer"] = json!({"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    ]});
    file["decoder"] = json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]});
    file["added_tokens"] = json!([{"id": 1, "content": "<s>", "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true}]);
    file["post_processor"] = json!({"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}});
    // Truncation and padding must not change a prompt.
    file["truncation"] =
        json!({"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0});
    file["padding"] = json!({"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "<unk>"});
    let tokenizer = open(&file).unwrap();

    let text = "a a犬猫\n";
    let ids = tokenizer.encode(text, EncodeOptions::default()).unwrap();
    assert_eq!(ids, [1, 4, 4, 7, 8, 9, 5, 6]);
    let plain =
        tokenizer.encode(text, EncodeOptions { add_special_tokens: false, ..Default::default() }).unwrap();
    assert_eq!(plain, ids[1..]);
    assert_eq!(tokenizer.decode(&ids), text);
    assert_eq!(tokenizer.token(4).text.as_deref(), Some(" a"));
    assert_eq!(tokenizer.token(7).bytes.unwrap(), [0xE7]);
    assert_eq!(tokenizer.token(6).text.as_deref(), Some("\n"));
    assert_eq!(tokenizer.token(10).text.as_deref(), Some("<0xZZ>"));
    let mut stream = tokenizer.stream();
    let parts: Vec<_> = ids.iter().filter_map(|&id| stream.push(id)).collect();
    assert_eq!(parts, ["a", " a", "犬", "猫", "\n"]);
}

/// Vocabularies whose tokens depend on their neighbours.
#[test]
fn word_pieces_join() {
    let mut file = file(json!({"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "see": 1, "##ing": 2, "through": 3}}));
    file["pre_tokenizer"] = json!({"type": "Whitespace"});
    file["decoder"] = json!({"type": "WordPiece", "prefix": "##", "cleanup": true});
    let tokenizer = open(&file).unwrap();
    let ids = tokenizer.encode("seeing through", EncodeOptions::default()).unwrap();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(tokenizer.decode(&ids), "seeing through");
    assert_eq!(tokenizer.token(2).text.as_deref(), Some("##ing"));
    let mut stream = tokenizer.stream();
    let parts: Vec<_> = ids.iter().filter_map(|&id| stream.push(id)).collect();
    assert_eq!(parts, ["see", "ing", " through"]);
}
