//! Tests GGUF files that do not match their headers.

use std::fs;

use sukashi::weights::{Gguf, ModelFiles};

use super::refused;
use crate::gguf_writer::{File, Tensor, Value, text};

/// Asserts that a file of these bytes is refused, with its name and all of `parts` in the message.
#[track_caller]
fn refused_file(bytes: &[u8], parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    fs::write(&path, bytes).unwrap();
    let mut all = vec!["model.gguf"];
    all.extend(parts);
    refused(|| Gguf::open(&path), &all);
    refused(|| ModelFiles::open(&path), &all);
}

/// A small valid file.
fn right() -> File {
    let mut file = File::default();
    file.set("general.architecture", Value::Text("llama".into()));
    file.tensors.push(Tensor::f32("a.weight", &[4, 2], &[1.0; 8]));
    file.tensors.push(Tensor { kind: 8, data: vec![0; 68], ..Tensor::f32("b.weight", &[32, 2], &[]) });
    file
}

#[track_caller]
fn refused_change(change: impl FnOnce(&mut File), parts: &[&str]) {
    let mut file = right();
    change(&mut file);
    refused_file(&file.bytes(), parts);
}

#[track_caller]
fn refused_value(key: &str, value: Value, parts: &[&str]) {
    refused_change(|file| _ = file.set(key, value), parts);
}

#[test]
fn what_is_right_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    for version in [2, 3] {
        fs::write(&path, File { version, ..right() }.bytes()).unwrap();
        let file = Gguf::open(&path).unwrap();
        assert_eq!(file.names().collect::<Vec<_>>(), ["a.weight", "b.weight"]);
        assert_eq!(file.info("b.weight").unwrap().shape, [2, 32]);
    }
}

#[test]
fn headers_cut_anywhere() {
    let bytes = right().bytes();
    for length in 0..24 {
        refused_file(&bytes[..length], &[&format!("found {length} bytes"), "at least 24"]);
    }
    for length in 24..bytes.len() {
        refused_file(&bytes[..length], &[]);
    }
}

#[test]
fn magic_and_versions() {
    refused_change(|file| file.magic = *b"GGML", &["not a GGUF file", "GGML"]);
    for version in [0, 1, 4] {
        refused_change(|file| file.version = version, &[&format!("version {version}"), "2 or 3"]);
    }
    refused_change(|file| file.version = 3_u32.swap_bytes(), &["big-endian"]);
}

#[test]
fn counts_that_no_file_has() {
    for count in [1000, 1 << 40, u64::MAX] {
        refused_change(|file| file.num_tensors = Some(count), &["too many tensors", &count.to_string()]);
        refused_change(|file| file.num_keys = Some(count), &["too many metadata keys", &count.to_string()]);
    }
}

#[test]
fn keys_and_values() {
    refused_value("", Value::U32(1), &["without a name", "empty key"]);
    refused_value("general.architecture", Value::Text("llama".into()), &["twice", "general.architecture"]);
    refused_value(
        "x",
        Value::Raw(13, vec![0; 8]),
        &["x has a value of an unknown type", "type 13", "0 to 12"],
    );
    refused_value("x", Value::Raw(7, vec![2]), &["x is neither true nor false", "found 2"]);
    refused_value("x", Value::Raw(8, u64::MAX.to_le_bytes().to_vec()), &["x is too long"]);
    let mut invalid = 2_u64.to_le_bytes().to_vec();
    invalid.extend([0xff, 0xfe]);
    refused_value("x", Value::Raw(8, invalid), &["x is not UTF-8"]);
    let mut bytes = right().bytes();
    // Overwrites the length of the first key.
    bytes[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    refused_file(&bytes, &["key 1 of the metadata is too long", "at most"]);
}

#[test]
fn arrays_without_end() {
    let mut long = 4_u32.to_le_bytes().to_vec();
    long.extend((1_u64 << 40).to_le_bytes());
    refused_value("x", Value::Raw(9, long), &["x has too many elements", "1099511627776", "at most"]);
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        nested.extend(9_u32.to_le_bytes());
        nested.extend(1_u64.to_le_bytes());
    }
    nested.extend([0; 16]);
    refused_value("x", Value::Raw(9, nested), &["x is nested too deep"]);
}

#[test]
fn alignments() {
    for alignment in [0, 13, 1 << 30] {
        refused_value(
            "general.alignment",
            Value::U32(alignment),
            &["general.alignment", &alignment.to_string(), "a power of two"],
        );
    }
    refused_value("general.alignment", Value::Text("32".into()), &["general.alignment", "a power of two"]);
}

#[test]
fn shapes_and_types() {
    let tensor = |dimensions: &[u64], kind| Tensor { kind, ..Tensor::f32("c.weight", dimensions, &[0.0; 8]) };
    let refuse = |tensor: Tensor, parts: &[&str]| {
        let mut all = vec!["c.weight"];
        all.extend(parts);
        refused_change(|file| file.tensors.push(tensor), &all);
    };
    refuse(tensor(&[], 0), &["0 dimensions", "1 to 4"]);
    refuse(tensor(&[1; 5], 0), &["5 dimensions", "1 to 4"]);
    refuse(tensor(&[4, 0], 0), &["no dimension of 0"]);
    refuse(tensor(&[1 << 62, 1 << 62], 0), &["more bytes than 64 bits"]);
    refuse(tensor(&[1 << 62, 3], 0), &["more bytes than 64 bits"]);
    refuse(tensor(&[8], 99), &["type 99", "an unknown type", "Q4_K"]);
    refuse(tensor(&[8], 10), &["type 10", "Q2_K"]);
    refuse(tensor(&[33], 8), &["rows of 33", "a multiple of 32 for Q8_0"]);
    refuse(tensor(&[32], 12), &["rows of 32", "a multiple of 256 for Q4_K"]);
}

#[test]
fn places_of_data() {
    let at = |name: &str, offset| Tensor { offset: Some(offset), ..Tensor::f32(name, &[4], &[0.0; 4]) };
    refused_change(
        |file| file.tensors.push(at("c.weight", 7)),
        &["c.weight", "offset 7", "a multiple of 32"],
    );
    refused_change(|file| file.tensors.push(at("c.weight", 0)), &["overlaps", "offset 0"]);
    refused_change(
        |file| file.tensors.push(at("c.weight", 1 << 40)),
        &["c.weight", "past the file", "1099511627776"],
    );
    let last = u64::MAX - 31;
    refused_change(|file| file.tensors.push(at("c.weight", last)), &["c.weight", "past the file"]);
    refused_change(|file| file.tensors.push(at("a.weight", 256)), &["twice", "a.weight"]);
    let mut bytes = right().bytes();
    bytes.pop();
    refused_file(&bytes, &["b.weight", "past the file", "download it again"]);
}

#[test]
fn what_the_metadata_say_of_the_model() {
    let open = |change: &dyn Fn(&mut File), parts: &[&str]| {
        let mut file = File::default();
        change(&mut file);
        file.tensors.push(Tensor::f32("token_embd.weight", &[4, 2], &[1.0; 8]));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        fs::write(&path, file.bytes()).unwrap();
        let spec = || {
            let files = ModelFiles::open(&path)?;
            sukashi::model::spec::from_config(&files.config, &files.config_label)
        };
        let mut all = vec!["model.gguf"];
        all.extend(parts);
        refused(spec, &all);
    };
    let of = |file: &mut File, name: &str| {
        file.set("general.architecture", Value::Text(name.into()));
    };
    open(&|_| (), &["general.architecture is missing"]);
    open(
        &|file| of(file, "mamba"),
        &["general.architecture = \"mamba\"", "gpt2, gemma3, llama, qwen2, qwen3"],
    );
    open(&|file| _ = file.set("general.architecture", Value::U32(1)), &["general.architecture", "a text"]);
    open(&|file| of(file, "llama"), &["llama.embedding_length is missing"]);
    open(
        &|file| {
            of(file, "llama");
            file.set("llama.embedding_length", Value::F32(f32::NAN));
        },
        &["llama.embedding_length", "NaN", "a whole number"],
    );
    open(
        &|file| {
            of(file, "llama");
            file.set("llama.attention.key_length", Value::U32(8));
            file.set("llama.attention.value_length", Value::U32(16));
        },
        &["llama.attention.value_length = 16", "llama.attention.key_length = 8"],
    );
    open(
        &|file| {
            of(file, "llama");
            file.set("tokenizer.ggml.model", Value::Text("llama".into()));
            file.set("tokenizer.ggml.tokens", Value::U32(3));
        },
        &["tokenizer.ggml.tokens", "an array of texts"],
    );
}

/// With any single wrong byte, the file is opened or refused, and nothing panics.
#[test]
fn any_byte_may_be_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let bytes = right().bytes();
    let mut texts = Vec::new();
    text(&mut texts, "control");
    assert_eq!(texts.len(), 15);
    for index in 0..bytes.len() {
        for wrong in [0, 0xff, bytes[index] ^ 1, bytes[index] ^ 0x80] {
            let mut bytes = bytes.clone();
            bytes[index] = wrong;
            fs::write(&path, &bytes).unwrap();
            if let Err(error) = Gguf::open(&path) {
                assert!(error.to_string().contains("model.gguf"), "{error}");
            }
        }
    }
}
