//! What a request may ask for: a refusal names the field, the value and the limit.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::client::{Reading, send};
use crate::server::{Server, config};

#[test]
fn refusals_name_the_field_the_value_and_the_limit() {
    let server = Server::new(config());
    let long = "猫".repeat(200);
    let many: Vec<&str> = vec!["猫"; 129];
    for (fields, field, parts) in [
        (json!({"prompt": long}), "prompt", &["found 200 tokens", "128"][..]),
        (json!({"max_tokens": 500}), "max_tokens", &["max_tokens = 500", "at most 128"]),
        (json!({"max_tokens": -1}), "max_tokens", &["-1"]),
        (json!({"prompt": []}), "prompt", &["empty"]),
        (json!({"prompt": ""}), "prompt", &["empty"]),
        (json!({"prompt": [[]]}), "prompt", &["empty"]),
        (json!({"prompt": [2948]}), "prompt", &["2948", "2947"]),
        (json!({"prompt": "鷗"}), "prompt", &["鷗"]),
        (json!({"prompt": 7}), "prompt", &["expected a text, an array of texts"]),
        (json!({"prompt": [1, "猫"]}), "prompt", &["expected a text"]),
        (json!({"prompt": many}), "prompt", &["found 129", "at most 64"]),
        (json!({"n": 17}), "n", &["found 17", "1 to 16"]),
        (json!({"n": 0}), "n", &["found 0"]),
        (json!({"logprobs": 21}), "logprobs", &["found 21", "0 to 20"]),
        (json!({"logprobs": true}), "logprobs", &["true"]),
        (json!({"temperature": -1}), "temperature", &["temperature = -1"]),
        (json!({"top_p": 0}), "top_p", &["0 < top_p <= 1"]),
        (json!({"top_p": 1.5}), "top_p", &["1.5"]),
        (json!({"top_k": 0}), "top_k", &["top_k"]),
        (json!({"stop": ""}), "stop", &["0 bytes"]),
        (json!({"stop": vec!["猫"; 17]}), "stop", &["found 17", "16"]),
        (json!({"stop": "猫".repeat(1000)}), "stop", &["3000 bytes", "1024"]),
        (json!({"stop_token_ids": [9999]}), "stop_token_ids", &["9999", "2947"]),
        (json!({"logit_bias": {"猫": 1}}), "logit_bias", &["猫", "2947"]),
        (json!({"logit_bias": {"2948": 1}}), "logit_bias", &["2948"]),
        (json!({"seed": 1.5}), "seed", &["1.5"]),
        (json!({"model": "gpt-7"}), "model", &["gpt-7", "soseki-mini"]),
        (json!({"best_of": 3}), "best_of", &["known and not supported", "3"]),
        (json!({"suffix": "。"}), "suffix", &["known and not supported"]),
        (json!({"stream_options": {"foo": 1}}), "stream_options", &["foo"]),
    ] {
        let mut body = json!({"prompt": "猫", "max_tokens": 1});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = server.post("/v1/completions", &body);
        let (message, found) = answer.refused(if field == "model" { 404 } else { 400 });
        assert_eq!(found.as_deref(), Some(field), "{fields}: {message}");
        for part in parts {
            assert!(message.contains(part), "{fields}: no {part:?} in {message}");
        }
    }
    let unknown = server.post("/v1/completions", &json!({"prompt": "猫", "temprature": 1}));
    assert!(unknown.refused(400).0.contains("temprature"));
    // Nothing was begun.
    assert_eq!(server.metric("prompt_tokens_total"), 0.0);
    let chat = |body: Value| server.post("/v1/chat/completions", &body).refused(400);
    let messages = json!([{"role": "user", "content": "猫"}]);
    for (body, field) in [
        (json!({"messages": messages, "tools": [{"type": "function"}]}), "tools"),
        (json!({"messages": messages, "response_format": {"type": "json_object"}}), "response_format"),
        (json!({"messages": messages, "top_logprobs": 2}), "top_logprobs"),
        (json!({"messages": messages, "logprobs": true, "top_logprobs": 21}), "top_logprobs"),
        (json!({"messages": messages, "max_tokens": 0}), "max_tokens"),
        (json!({"messages": messages, "max_tokens": 1, "max_completion_tokens": 2}), "max_tokens"),
    ] {
        let (message, found) = chat(body.clone());
        assert_eq!(found.as_deref(), Some(field), "{body}: {message}");
    }
    // It has no template.
    assert_eq!(chat(json!({"messages": messages})).1.as_deref(), Some("messages"));
}

#[test]
fn what_is_no_request_is_refused() {
    let server = Server::new(config());
    let post = |headers: &[(&str, &str)], body: &[u8]| {
        send(server.address, "POST", "/v1/completions", headers, body).finish()
    };
    for body in [&b""[..], b"{", b"[]", b"\xff\xfe", b"null", b"{\"prompt\": \"a\"} x"] {
        post(&[], body).refused(400);
    }
    let deep = [&b"[".repeat(100_000)[..], &b"]".repeat(100_000)[..]].concat();
    post(&[], &deep).refused(400);
    for kind in ["", "text/plain", "application/xml", "multipart/form-data"] {
        post(&[("content-type", kind)], b"{}").refused(415);
    }
    post(&[("content-type", "application/json; charset=utf-8")], b"{}").refused(400);
    let long = vec![b' '; (8 << 20) + 1];
    post(&[], &long).refused(413);
    // Terminal codes come back as JSON has them, and in words.
    let answer = server.post("/v1/completions", &json!({"prompt": "猫", "\u{1b}[2J": 1}));
    assert!(!answer.body.contains(&0x1b), "{}", answer.text());
}

#[test]
fn what_is_no_http_ends_the_connection_and_nothing_else() {
    let server = Server::new(config());
    for bytes in [
        &b"\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcde",
        b"POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // A reset is an answer, too.
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{bytes:?}: {text}");
    }
    // A connection is used again.
    let mut stream = TcpStream::connect(server.address).unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let answer = Reading::new(stream.try_clone().unwrap()).finish();
        assert_eq!(answer.status, 200);
    }
}
