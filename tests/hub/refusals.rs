//! Requests that the hub refuses, and repositories without a usable model. Each message has a hint.

use crate::server::TOKEN;
use crate::{SOSEKI, Setup, TINY};

/// Asserts that a request is bad input, and that the cache stays empty.
#[track_caller]
fn refused(setup: &Setup, id: &str, parts: &[&str]) {
    let error = setup.fails(id, parts);
    assert_eq!(error.exit_code(), 2, "{error}");
    assert!(!setup.repo().join("snapshots").exists());
}

#[test]
fn gated_repositories() {
    let mut setup = Setup::new(&[SOSEKI]);
    setup.hub.state().is_gated = true;
    let (terms, tokens) =
        (format!("{}/a/b,", setup.hub.endpoint), format!("{}/settings/tokens", setup.hub.endpoint));
    refused(&setup, "a/b", &["gated", "401", "accept the terms at", &terms, "HF_TOKEN", &tokens]);
    setup.options.token = Some("hf_another".into());
    let terms = terms.trim_end_matches(',');
    refused(&setup, "a/b", &["gated", "accept the terms at", terms, "account of the token"]);
    setup.options.token = Some(TOKEN.into());
    setup.fetch("a/b").unwrap();
}

#[test]
fn statuses() {
    let mut setup = Setup::new(&[TINY]);
    let answers = |setup: &Setup, status, code| {
        setup.hub.state().listing = Some((status, code, String::new()));
    };
    answers(&setup, 401, "RepoNotFound");
    refused(&setup, "a/b", &["no such repository, or it is private", "401", "HF_TOKEN"]);
    answers(&setup, 404, "RepoNotFound");
    refused(&setup, "a/b", &["no such repository", "404", "owner/name"]);
    answers(&setup, 404, "RevisionNotFound");
    refused(&setup, "a/b@v9", &["a/b", "no revision v9", "404"]);
    answers(&setup, 403, "");
    refused(&setup, "a/b", &["access is denied", "403", "HF_TOKEN"]);
    setup.options.token = Some(TOKEN.into());
    answers(&setup, 401, "");
    refused(&setup, "a/b", &["does not accept the token", "401", "HF_TOKEN"]);
    answers(&setup, 401, "RepoNotFound");
    refused(&setup, "a/b", &["the token in use may not see it"]);
    for (status, part) in [(429, "too many requests"), (500, "internal error"), (418, "unexpected response")]
    {
        answers(&setup, status, "");
        let error = setup.fails("a/b", &[part, &status.to_string()]);
        assert_eq!(error.exit_code(), 1);
    }
    setup.hub.state().listing = None;
    refused(&setup, "a/b@v9", &["no revision v9"]);
    refused(&setup, "a/b:x.gguf", &["x.gguf", "no such file", "no .gguf file"]);
}

#[test]
fn repositories_without_a_model_to_read() {
    let setup = Setup::new(&[]);
    let add = |name: &str| drop(setup.hub.state().files.insert(name.into(), b"{}".into()));
    refused(&setup, "a/b", &["no weights", "model.safetensors"]);
    add("config.json");
    add("pytorch_model.bin");
    refused(&setup, "a/b", &["no weights", "only pytorch_model.bin", "can run code"]);
    add("tiny-Q8_0.gguf");
    add("q4/tiny.gguf");
    refused(&setup, "a/b@v1", &["none was chosen", "q4/tiny.gguf, tiny-Q8_0.gguf", "a/b@v1:q4/tiny.gguf"]);
    refused(&setup, "a/b:tiny.gguf", &["tiny.gguf of a/b", "found q4/tiny.gguf, tiny-Q8_0.gguf"]);
    (0..30).for_each(|index| add(&format!("x{index}.gguf")));
    refused(&setup, "a/b", &["and 12 more"]);

    let setup = Setup::new(&[TINY]);
    setup.hub.state().files.remove("config.json");
    refused(&setup, "a/b", &["no config.json"]);
}

#[test]
fn options_that_cannot_be() {
    let mut setup = Setup::new(&[TINY]);
    for endpoint in ["", "huggingface.co", "ftp://x", "http://", "http:// x"] {
        setup.options.endpoint = endpoint.into();
        refused(&setup, "a/b", &[&format!("{endpoint:?}"), "http:// or https://", "HF_ENDPOINT"]);
    }
    setup.options.endpoint = format!("{}/", setup.hub.endpoint);
    for token in ["hf_a b", "hf_\u{3042}", "hf_a\nX-Evil: 1"] {
        setup.options.token = Some(token.into());
        let error = setup.fails("a/b", &["token"]);
        assert!(!error.to_string().contains("hf_"), "{error}");
    }
    setup.options.token = Some(" \n".into());
    setup.fetch("a/b").unwrap();
    assert!(setup.hub.take_requests().iter().all(|request| !request.headers.contains_key("authorization")));
}
