//! Streams of server-sent events.

use serde_json::{Value, json};

use crate::server::{Server, chat_model, chat_server, config, request};

/// The events of a stream. Each is one line of JSON behind `data: `, and the last is `[DONE]`.
fn events(server: &Server, path: &str, body: &Value) -> Vec<Value> {
    let mut body = body.clone();
    body["stream"] = json!(true);
    let answer = server.post(path, &body);
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "text/event-stream"));
    let text = answer.text();
    assert!(text.ends_with("\n\n"), "{text}");
    let mut events: Vec<&str> = text.trim_end().split("\n\n").collect();
    assert_eq!(events.pop(), Some("data: [DONE]"));
    let parse = |event: &str| {
        assert!(!event.contains('\n'), "{event}");
        serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()
    };
    events.into_iter().map(parse).collect()
}

/// The parts of a text together, and why it ends.
fn joined(events: &[Value], index: usize) -> (String, Vec<Value>, Vec<Value>) {
    let (mut text, mut finish, mut logprobs) = (String::new(), Vec::new(), Vec::new());
    for choice in events.iter().flat_map(|event| event["choices"].as_array().unwrap()) {
        if choice["index"] == index {
            text += choice["text"].as_str().or(choice["delta"]["content"].as_str()).unwrap_or_default();
            finish.extend(Some(&choice["finish_reason"]).filter(|reason| !reason.is_null()).cloned());
            logprobs.extend(Some(&choice["logprobs"]).filter(|logprobs| !logprobs.is_null()).cloned());
        }
    }
    (text, finish, logprobs)
}

#[test]
fn a_stream_is_the_text_in_parts() {
    let server = Server::new(config());
    let mut body = request("吾輩は", 6);
    body["logprobs"] = json!(2);
    body["n"] = json!(2);
    body["echo"] = json!(true);
    let whole = server.complete(&body);
    let streamed = events(&server, "/v1/completions", &body);
    assert!(streamed.len() > 6, "{} events", streamed.len());
    for (index, choice) in whole["choices"].as_array().unwrap().iter().enumerate() {
        let (text, finish, logprobs) = joined(&streamed, index);
        assert_eq!(choice["text"], text.as_str());
        assert_eq!(finish, [json!("length")]);
        for list in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
            let parts: Vec<Value> =
                logprobs.iter().flat_map(|part| part[list].as_array().unwrap().clone()).collect();
            assert_eq!(choice["logprobs"][list], Value::Array(parts), "{list}");
        }
    }
    let ids: Vec<&Value> = streamed.iter().map(|event| &event["id"]).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && id.is_string()));
}

#[test]
fn a_stream_counts_its_tokens_if_it_is_asked_to() {
    let server = Server::new(config());
    let mut body = request("吾輩は", 3);
    assert!(events(&server, "/v1/completions", &body).iter().all(|event| event.get("usage").is_none()));
    body["stream_options"] = json!({"include_usage": true});
    let events = events(&server, "/v1/completions", &body);
    let last = events.last().unwrap();
    assert_eq!(
        (last["choices"].as_array().unwrap().len(), last["usage"]["total_tokens"].as_u64()),
        (0, Some(6))
    );
}

#[test]
fn a_stop_text_is_never_shown() {
    let server = Server::new(config());
    let mut body = json!({"prompt": "吾輩は", "max_tokens": 12, "temperature": 0});
    let text: Vec<char> = server.complete(&body)["choices"][0]["text"].as_str().unwrap().chars().collect();
    body["stop"] = json!(text[3..6].iter().collect::<String>());
    let whole = server.complete(&body);
    let (streamed, finish, _) = joined(&events(&server, "/v1/completions", &body), 0);
    assert_eq!(whole["choices"][0]["text"], streamed.as_str());
    assert_eq!(finish, [json!("stop")]);
}

#[test]
fn a_conversation_streams() {
    let folder = chat_model();
    let server = chat_server(&folder);
    let body = json!({"messages": [{"role": "user", "content": "猫"}], "max_tokens": 4, "seed": 1, "logprobs": true});
    let whole = server.post("/v1/chat/completions", &body).ok();
    let events = events(&server, "/v1/chat/completions", &body);
    assert!(events.iter().all(|event| event["object"] == "chat.completion.chunk"));
    assert_eq!(events[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let (text, finish, logprobs) = joined(&events, 0);
    assert_eq!(whole["choices"][0]["message"]["content"], text.as_str());
    assert_eq!(finish, [json!("length")]);
    assert_eq!(logprobs.len(), 4);
}

#[test]
fn an_error_before_the_first_event_has_its_status() {
    let server = Server::new(config());
    let mut body = request("吾輩は", 500);
    body["stream"] = json!(true);
    assert!(server.post("/v1/completions", &body).refused(400).0.contains("max_tokens = 500"));
}
