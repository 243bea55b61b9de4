//! Files with random damage. The program returns a result, and does not panic.

use proptest::prelude::*;
use serde_json::json;
use sukashi::text::{EncodeOptions, Tokenizer};
use sukashi::weights::Safetensors;

use super::safetensors_bytes;
use super::tokenizer::{bpe, file};

/// Overwrites some bytes, mostly with characters that have a meaning in JSON, and may cut off the end.
fn damaged(mut bytes: Vec<u8>, changes: &[(usize, u8)], cut: usize) -> Vec<u8> {
    for &(at, byte) in changes {
        let at = at % bytes.len();
        bytes[at] = if byte < 128 { b"0123456789-e.,:[]{}\" abnull"[usize::from(byte) % 27] } else { byte };
    }
    bytes.truncate(bytes.len() - cut % bytes.len());
    bytes
}

fn changes() -> impl Strategy<Value = (Vec<(usize, u8)>, usize)> {
    (prop::collection::vec((0..4096_usize, any::<u8>()), 1..4), prop_oneof![4 => Just(0), 1 => 0..4096_usize])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn weights((changes, cut) in changes()) {
        let header = "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":\
                      [0,24]},\"b\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[24,32]}}";
        let bytes = damaged(safetensors_bytes(header, 32), &changes, cut);
        let len = bytes.len();
        if let Ok(weights) = Safetensors::from_bytes("damaged", bytes) {
            let mut buffer = Vec::new();
            for name in weights.names() {
                weights.read(name, &mut buffer).unwrap();
                prop_assert!(buffer.len() <= len);
            }
        }
    }

    #[test]
    fn tokenizers((changes, cut) in changes()) {
        let mut file = file(bpe(&["a", "b", "ab", "abb", "<0x0A>"], &[["a", "b"], ["ab", "b"]]));
        file["model"]["continuing_subword_prefix"] = json!("");
        file["decoder"] = json!({"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]});
        let bytes = damaged(file.to_string().into_bytes(), &changes, cut);
        if let Ok(tokenizer) = Tokenizer::from_bytes("damaged", &bytes) {
            let _ = tokenizer.encode("abb\n猫", EncodeOptions::default());
            let ids: Vec<u32> = (0..12).collect();
            let mut stream = tokenizer.stream();
            let mut parts: String = ids.iter().filter_map(|&id| stream.push(id)).collect();
            parts.extend(stream.finish());
            prop_assert_eq!(tokenizer.decode(&ids), parts);
        }
    }
}
