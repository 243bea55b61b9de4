//! Tests safetensors files and their shards.

use std::fs;
use std::path::Path;

use sukashi::weights::Safetensors;

use super::{refused, safetensors_bytes};

/// Asserts that a file of these bytes is refused, with its name and all of `parts` in the message.
#[track_caller]
fn refused_file(bytes: &[u8], parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, bytes).unwrap();
    let mut all = vec!["model.safetensors"];
    all.extend(parts);
    refused(|| Safetensors::open(folder.path()), &all);
    let embedded = bytes.to_vec();
    refused(|| Safetensors::from_bytes("model.safetensors", embedded), &all);
}

#[track_caller]
fn refused_header(header: &str, data_bytes: usize, parts: &[&str]) {
    refused_file(&safetensors_bytes(header, data_bytes), parts);
}

#[test]
fn seven_bytes() {
    refused_file(b"", &["0 bytes", "at least the 8"]);
    refused_file(b"1234567", &["7 bytes", "at least the 8"]);
}

#[test]
fn header_lengths_that_cannot_be() {
    for length in [u64::MAX, u64::MAX - 7, 1 << 63, 3] {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(b"{}");
        refused_file(&bytes, &[&length.to_string(), "at most 2", "100000000"]);
    }
}

#[test]
fn a_header_over_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, 100_000_001_u64.to_le_bytes()).unwrap();
    // Holes take no space on the disk, but the file has as many bytes as the header claims.
    fs::File::options().write(true).open(&path).unwrap().set_len(200_000_000).unwrap();
    refused(|| Safetensors::open(&path), &["model.safetensors", "100000001", "100000000"]);
}

#[test]
fn headers_that_are_not_json() {
    let mut bytes = safetensors_bytes("{\"a\": 1234}", 0);
    bytes[12] = 0xFF;
    refused_file(&bytes, &["not UTF-8", "0xFF", "offset 4"]);
    refused_header("", 0, &["EOF"]);
    refused_header("{\"a\": ", 0, &["tensor a"]);
    refused_header("[]", 0, &["an object of tensors"]);
    refused_header("{} {}", 0, &["trailing characters"]);
    refused_header(
        "{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        4,
        &["tensor a", "F31", "F32"],
    );
    refused_header(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
        4,
        &["tensor a", "-1"],
    );
    refused_header(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}",
        4,
        &["tensor a", "1.5"],
    );
    refused_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, &["tensor a", "data_offsets"]);
    refused_header(
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":1}}",
        4,
        &["tensor a", "the field x is unknown"],
    );
}

#[test]
fn headers_nested_deep() {
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    refused_header(&deep("[", "]"), 0, &["found an array"]);
    refused_header(&deep("{\"a\":", "}"), 0, &["tensor a"]);
    refused_header(&format!("{{\"__metadata__\":{}}}", deep("[", "]")), 0, &["__metadata__"]);
    let shape = deep("[", "]");
    refused_header(&format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":{shape}}}}}"), 0, &["tensor a"]);
    let shape = vec!["1"; 1000].join(",");
    refused_header(
        &format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[0,4]}}}}"),
        4,
        &["tensor a", "at most 16"],
    );
}

#[test]
fn names_listed_twice() {
    let tensor = |begin| {
        format!("\"wte\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{begin},{}]}}", begin + 4)
    };
    refused_header(&format!("{{{},{}}}", tensor(0), tensor(4)), 8, &["wte", "twice"]);
}

#[test]
fn shapes_that_overflow() {
    for shape in [
        "[4294967296,4294967296]",
        "[9223372036854775807,3]",
        "[18446744073709551615]",
        "[4611686018427387904]",
    ] {
        let header = format!("{{\"wte\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,4]}}}}");
        refused_header(&header, 4, &["wte", "shape [", "64 bits"]);
    }
}

#[test]
fn sizes_that_disagree_with_the_shape() {
    let header = "{\"wte\":{\"dtype\":\"F16\",\"shape\":[3,5],\"data_offsets\":[0,32]}}";
    refused_header(header, 32, &["wte", "[0, 32] = 32 bytes", "expected 30 bytes", "[3, 5]", "F16"]);
    // The tensor needs half a byte more than the data have.
    let header = "{\"wte\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}";
    refused_header(header, 1, &["wte", "[0, 1]", "F4"]);
}

/// A header with two tensors of one f32 each at these offsets.
fn two(a: [u64; 2], b: [u64; 2]) -> String {
    format!(
        "{{\"a\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{a:?}}},\
         \"b\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{b:?}}}}}"
    )
}

#[test]
fn offsets_that_do_not_lie_end_to_end() {
    refused_header(&two([0, 4], [4, 0]), 8, &["cannot load b", "[4, 0]", "after the beginning"]);
    refused_header(&two([0, 4], [2, 6]), 6, &["cannot load b", "overlaps", "offset 2, expected 4"]);
    refused_header(&two([0, 4], [0, 4]), 4, &["overlaps", "offset 0, expected 4"]);
    refused_header(&two([0, 4], [8, 12]), 12, &["cannot load b", "gap", "offset 8, expected 4"]);
    refused_header(&two([4, 8], [8, 12]), 12, &["cannot load a", "gap", "offset 4, expected 0"]);
    let end = u64::MAX;
    refused_header(&two([0, 4], [end - 4, end]), 8, &["cannot load b", "gap"]);
}

#[test]
fn data_that_is_longer_or_shorter() {
    refused_header(&two([0, 4], [4, 8]), 9, &["belong to no tensor", "found 9", "expected 8"]);
    refused_header(&two([0, 4], [4, 8]), 7, &["cannot load b", "to 8", "the 7 bytes"]);
    refused_header("{}", 1, &["found 1 bytes", "expected 0"]);
}

const SHARD: &str = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";

/// A folder with an index that says which file has tensor `a`, and a valid shard `model-1.safetensors`.
fn sharded(weight_map: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.safetensors.index.json"), format!("{{\"weight_map\":{weight_map}}}"))
        .unwrap();
    fs::write(folder.path().join("model-1.safetensors"), safetensors_bytes(SHARD, 4)).unwrap();
    folder
}

#[track_caller]
fn refused_index(weight_map: &str, parts: &[&str]) {
    let folder = sharded(weight_map);
    refused(|| Safetensors::open(folder.path()), parts);
}

#[test]
fn an_index_that_is_wrong() {
    Safetensors::open(sharded("{\"a\":\"model-1.safetensors\"}").path()).unwrap();
    refused_index("{\"b\":\"model-1.safetensors\"}", &["cannot load b", "model-1.safetensors", "index.json"]);
    refused_index("{\"a\":\"model-2.safetensors\"}", &["model-2.safetensors", "index.json lists it"]);
    refused_index(
        "{\"a\":\"model-1.safetensors\",\"a\":\"model-1.safetensors\"}",
        &["tensor a twice", "index.json"],
    );
    refused_index("{\"a\":1}", &["index.json", "found 1, expected a text"]);
    refused_index("[]", &["index.json"]);
    refused_index(&("[".repeat(10_000) + &"]".repeat(10_000)), &["index.json"]);
}

#[test]
fn shards_outside_the_folder() {
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("secret.safetensors");
    fs::write(&target, safetensors_bytes(SHARD, 4)).unwrap();
    let absolute = target.display().to_string();
    for name in [
        absolute.as_str(),
        "../secret.safetensors",
        "..",
        ".",
        "",
        "a/../model-1.safetensors",
        "a\\b",
        "a\\u0000b",
    ] {
        refused_index(
            &format!("{{\"a\":\"{}\"}}", name.replace("a\\b", "a\\\\b")),
            &["index.json", "outside its folder"],
        );
    }
    #[cfg(unix)]
    {
        let folder = sharded("{\"a\":\"link.safetensors\"}");
        std::os::unix::fs::symlink(&target, folder.path().join("link.safetensors")).unwrap();
        refused(|| Safetensors::open(folder.path()), &["link.safetensors", &absolute, "outside its folder"]);
    }
}

#[test]
fn a_shard_one_byte_short() {
    let folder = sharded("{\"a\":\"model-1.safetensors\"}");
    cut_last_byte(&folder.path().join("model-1.safetensors"));
    refused(|| Safetensors::open(folder.path()), &["cannot load a", "model-1.safetensors", "cut short"]);
}

#[test]
fn a_file_that_shrinks_while_open() {
    let folder = sharded("{\"a\":\"model-1.safetensors\"}");
    let weights = Safetensors::open(folder.path()).unwrap();
    cut_last_byte(&folder.path().join("model-1.safetensors"));
    for result in [weights.read("a", &mut Vec::new()), weights.sha256().map(drop)] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains("became shorter") && message.contains("model-1.safetensors"), "{message}");
    }
}

#[test]
fn a_tensor_that_is_not_there() {
    let folder = sharded("{\"a\":\"model-1.safetensors\"}");
    let weights = Safetensors::open(folder.path()).unwrap();
    assert!(weights.info("lm_head.weight").is_none());
    refused(|| weights.read("lm_head.weight", &mut Vec::new()), &["lm_head.weight", "model-1.safetensors"]);
}

#[test]
fn folders_without_weights() {
    let folder = tempfile::tempdir().unwrap();
    refused(|| Safetensors::open(folder.path()), &["model.safetensors", "index.json"]);
    fs::write(folder.path().join("pytorch_model.bin"), "").unwrap();
    refused(|| Safetensors::open(folder.path()), &["convert it to safetensors"]);
    refused(|| Safetensors::open(&folder.path().join("none.safetensors")), &["none.safetensors"]);
    #[cfg(unix)]
    refused(|| Safetensors::open(Path::new("/dev/zero")), &["/dev/zero", "not a regular file"]);
}

fn cut_last_byte(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 1).unwrap();
}

/// Messages show only a part of long names and values from an untrusted file.
#[test]
fn long_names_and_values_are_cut() {
    let long = "x".repeat(1 << 20);
    let entry = "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}";
    for header in [
        format!("{{\"{long}\":{entry},\"{long}\":{entry}}}"),
        format!("{{\"{long}\":{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}}}"),
        format!("{{\"{long}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}}}"),
        format!("{{\"{long}\":3}}"),
        format!("{{\"a\":{{\"dtype\":\"{long}\",\"shape\":[1],\"data_offsets\":[0,4]}}}}"),
        format!("{{\"a\":\"{long}\"}}"),
    ] {
        // No message is longer than 2,000 bytes.
        refused_header(&header, 4, &[]);
    }
    for map in [
        format!("{{\"a\":\"{long}/\"}}"),
        format!("{{\"{long}\":\"a\",\"{long}\":\"a\"}}"),
        format!("\"{long}\""),
    ] {
        refused_index(&map, &[]);
    }
}
