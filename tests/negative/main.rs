//! Tests bad input. Every case is refused with an error that names the file, the field, the value and the limit.
//! `accepted` is the counterpart: valid input that must not be refused.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accepted;
mod accounted;
mod chat;
mod config;
mod damaged;
mod families;
mod fields;
mod files;
mod gguf;
#[path = "../gguf/mod.rs"]
mod gguf_writer;
mod prompts;
mod safetensors;
#[path = "../skip/mod.rs"]
mod skip;
mod tokenizer;
mod vocabulary;

use std::time::{Duration, Instant};

use sukashi::{Error, ErrorKind, Result};

/// Runs `run`, which has to be refused as bad input in less than a second, with all of `parts` in the message.
#[track_caller]
fn refused<T>(run: impl FnOnce() -> Result<T>, parts: &[&str]) -> String {
    let start = Instant::now();
    let result = run();
    assert!(start.elapsed() < Duration::from_secs(1), "took {:?}", start.elapsed());
    let error: Error = result.err().expect("was accepted");
    let message = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Input, "{message}");
    assert_eq!(error.exit_code(), 2);
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
    assert!(!message.is_empty() && message.len() < 2000, "{message}");
    message
}

/// The bytes of a safetensors file with this header, and with `data_bytes` bytes of data.
fn safetensors_bytes(header: &str, data_bytes: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data_bytes, 0);
    bytes
}

mod controls {
    use super::*;

    #[test]
    #[should_panic(expected = "was accepted")]
    fn what_is_accepted_fails_the_check() {
        refused(|| Ok(()), &[]);
    }

    #[test]
    #[should_panic(expected = "no \"n_layer\" in")]
    fn a_message_without_the_field_fails_the_check() {
        refused(|| Err::<(), _>(Error::input("cannot use config.json")), &["n_layer"]);
    }

    #[test]
    #[should_panic(expected = "took")]
    fn what_takes_a_second_fails_the_check() {
        let slow = || {
            std::thread::sleep(Duration::from_millis(1100));
            Err::<(), _>(Error::input("late"))
        };
        refused(slow, &[]);
    }
}
