//! Tests `sukashi dump`.

use std::path::Path;

use crate::{cpu, goldens, in_folder, joined, read_floats, read_ids, run, tiny_model};

/// The tests of models require the twins to be ten times closer.
const ATOL: f32 = 1e-4;

#[test]
fn tensors_are_the_reference_s() {
    let golden = goldens("gpt2-tiny/golden.safetensors");
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "inside.safetensors");
    let ids = read_ids(&golden, "input_ids");
    assert_eq!(cpu(&["dump", "--model", &tiny_model(), "--ids", &joined(&ids), "-o", &path]), "");
    let path = Path::new(&path);
    assert_eq!(read_ids(path, "input_ids"), ids);
    for name in ["logits", "hidden_states", "attentions"] {
        let ((shape, values), (wanted_shape, wanted)) = (read_floats(path, name), read_floats(&golden, name));
        assert_eq!(shape, wanted_shape, "{name}");
        for (index, (got, want)) in values.iter().zip(&wanted).enumerate() {
            assert!((got - want).abs() <= ATOL, "{name}[{index}] is {got}, expected {want}");
        }
    }
}

#[test]
fn only_what_was_asked_for_is_there_and_bytes_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (in_folder(&folder, "a.safetensors"), in_folder(&folder, "b.safetensors"));
    for path in [&first, &second] {
        cpu(&["dump", "猫である", "--capture", "attentions,logits", "-o", path]);
    }
    let bytes = std::fs::read(&first).unwrap();
    assert_eq!(bytes, std::fs::read(&second).unwrap());
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut names = file.names();
    names.sort_unstable();
    assert_eq!(names, ["attentions", "input_ids", "logits", "positions"]);
    assert_eq!(file.tensor("attentions").unwrap().shape(), [6, 6, 4, 4]);
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let source: serde_json::Value =
        serde_json::from_str(&metadata.metadata().as_ref().unwrap()["sukashi"]).unwrap();
    assert_eq!(source["model"]["name"], "soseki-mini");
    assert_eq!(source["adapter"]["backend"], "cpu");
}

#[test]
fn points_are_listed_and_named_by_patterns() {
    let list = cpu(&["dump", "--list"]);
    assert_eq!(list.lines().count(), 2 + 6 * 9 + 2);
    assert!(
        list.lines().any(|line| line.split_whitespace().eq(["layers.3.attn.probs", "[6,", "T,", "S]"])),
        "{list}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "some.safetensors");
    let capture = "layers.*.attn.probs,layers.3.resid";
    cpu(&["dump", "猫である", "--capture", capture, "--positions", "0,2-3", "-o", &path]);
    let path = Path::new(&path);
    assert_eq!(read_ids(path, "positions"), [0, 2, 3]);
    assert_eq!(read_floats(path, "layers.5.attn.probs").0, [6, 3, 4]);
    assert_eq!(read_floats(path, "layers.3.resid").0, [3, 192]);
}

#[test]
fn what_cannot_be_captured_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = in_folder(&folder, "none.safetensors");
    for (flags, expected) in [
        (&["--capture", "layers.6.resid"][..], "layers 0 to 5"),
        (&["--capture", "hidden"], "layers.N.attn.probs"),
        (&["--positions", "4"], "expected a position from 0 to 3"),
        (&["--positions", "3-1"], "\"3-1\""),
        (&["--positions", "0-99999999999999999999"], "0,5-9"),
        (&["--zero-head", "6.0"], "no layer 6"),
        (&["--zero-head", "0.6"], "no head 6"),
        (&["--zero-head", "1"], "LAYER.HEAD"),
        (&["--zero-mlp", "6"], "expected 0 to 5"),
    ] {
        let ran = run(&[&["dump", "猫である", "--device", "cpu", "-o", &path][..], flags].concat());
        assert_eq!(ran.code, Some(2), "{flags:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{flags:?}: {}", ran.stderr);
        assert!(!Path::new(&path).exists());
    }
}
