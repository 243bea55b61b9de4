//! `sukashi dump`.

use std::path::Path;

use crate::{cpu, goldens, in_folder, joined, read_floats, read_ids, tiny_model};

/// The model's own tests hold the twins to a tenth of this.
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
    assert_eq!(names, ["attentions", "input_ids", "logits"]);
    assert_eq!(file.tensor("attentions").unwrap().shape(), [6, 6, 4, 4]);
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let source: serde_json::Value =
        serde_json::from_str(&metadata.metadata().as_ref().unwrap()["sukashi"]).unwrap();
    assert_eq!(source["model"]["name"], "soseki-mini");
    assert_eq!(source["adapter"]["backend"], "cpu");
}
