//! The endpoints around the texts: models, tokens, health, metrics and the description.

use std::collections::BTreeSet;
use std::sync::mpsc;

use serde_json::json;
use sukashi::{Device, Model};

use crate::client::send;
use crate::server::{Server, chat_model, chat_server, config, request};

#[test]
fn a_server_says_what_it_is() {
    let server = Server::new(config());
    let models = server.get("/v1/models").ok();
    assert_eq!(
        (models["object"].as_str(), models["data"][0]["id"].as_str()),
        (Some("list"), Some("soseki-mini"))
    );
    assert_eq!(models["data"][0]["max_model_len"], 128);
    assert_eq!(server.get("/v1/models/soseki-mini").ok()["object"], "model");
    assert!(server.get("/v1/models/gpt-7").refused(404).0.contains("soseki-mini"));
    let props = server.get("/props").ok();
    assert_eq!(
        (props["total_slots"].as_u64(), props["default_generation_settings"]["n_ctx"].as_u64()),
        (Some(4), Some(128))
    );
    assert_eq!(server.get("/tokenizer_info").ok()["vocab_size"], 2948);
    assert_eq!(server.get("/health").ok()["status"], "ok");
    assert!(server.get("/api.html").text().contains("/v1/chat/completions"));
    let page = server.get("/");
    assert!(page.text().contains("app.js"));
    assert!(page.headers["content-security-policy"].starts_with("default-src 'self';"));
    assert_eq!(server.get("/").headers["x-content-type-options"], "nosniff");
    assert_eq!(server.get("/nothing").refused(404).1, None);
    server.get("/v1/completions").refused(405);
}

#[test]
fn texts_become_tokens_and_tokens_become_texts() {
    let server = Server::new(config());
    let model = Model::embedded(&Device::Cpu).unwrap();
    let ids = json!(model.encode("吾輩は猫").unwrap());
    for (body, has_text) in [
        (json!({"content": "吾輩は猫"}), false),
        (json!({"prompt": "吾輩は猫", "return_token_strs": true}), true),
    ] {
        let tokens = server.post("/tokenize", &body).ok();
        assert_eq!((&tokens["tokens"], &tokens["count"]), (&ids, &json!(4)));
        assert_eq!(tokens.get("token_strs").is_some(), has_text);
    }
    let pieces = server.post("/tokenize", &json!({"content": "吾輩", "with_pieces": true})).ok();
    assert_eq!(pieces["tokens"][1], json!({"id": ids[1], "piece": "輩"}));
    let text = server.post("/detokenize", &json!({"tokens": ids})).ok();
    assert_eq!((&text["content"], &text["prompt"]), (&json!("吾輩は猫"), &json!("吾輩は猫")));
    assert_eq!(server.post("/detokenize", &json!({"tokens": []})).ok()["content"], "");
    assert_eq!(server.post("/tokenize", &json!({"content": ""})).ok()["count"], 0);
    let (message, field) = server.post("/detokenize", &json!({"tokens": [2948]})).refused(400);
    assert!(message.contains("2948") && message.contains("2947"), "{message}");
    assert_eq!(field.as_deref(), Some("tokens"));
    assert!(server.post("/tokenize", &json!({"prompt": "鷗"})).refused(400).0.contains('鷗'));
    server.post("/tokenize", &json!({"prompt": "猫", "content": "猫"})).refused(400);
}

#[test]
fn a_template_shows_what_it_makes_of_a_conversation() {
    let folder = chat_model();
    let server = chat_server(&folder);
    let body = json!({"messages": [{"role": "system", "content": "神"}, {"role": "user", "content": "猫"}],
        "chat_template_kwargs": {"short": true}});
    assert_eq!(server.post("/apply-template", &body).ok()["prompt"], "『神。「猫。で");
    let (message, field) = server
        .post("/apply-template", &json!({"messages": [{"role": "poet", "content": "猫"}]}))
        .refused(400);
    assert!(message.contains("詩人は困る"), "{message}");
    assert_eq!(field.as_deref(), Some("messages"));
    let plain = Server::new(config());
    let (message, _) = plain
        .post("/v1/chat/completions", &json!({"messages": [{"role": "user", "content": "猫"}]}))
        .refused(400);
    assert!(message.contains("has no chat template"), "{message}");
}

#[test]
fn a_server_that_loads_answers_that_it_does() {
    let (go_on, waits) = mpsc::channel::<()>();
    let server = Server::loading(config(), move || {
        let _ = waits.recv();
        Model::embedded(&Device::Cpu)
    });
    for path in ["/health", "/v1/models", "/props"] {
        let answer = server.get(path);
        assert!(answer.refused(503).0.contains("being loaded"));
        assert_eq!(answer.headers["retry-after"], "1");
    }
    server.post("/v1/completions", &request("猫", 1)).refused(503);
    assert_eq!(server.metric("slots"), 0.0);
    assert_eq!(server.get("/").status, 200);
    go_on.send(()).unwrap();
    while server.get("/health").status != 200 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.complete(&request("猫", 1));
}

#[test]
fn a_model_that_cannot_be_loaded_ends_the_server() {
    let mut server = Server::loading(config(), || Model::load(&Device::Cpu, "/nothing/here".as_ref()));
    assert!(server.join().unwrap_err().to_string().contains("/nothing/here"));
    let mut small = config();
    small.engine.kv_bytes = 1000;
    let mut server = Server::loading(small, || Model::embedded(&Device::Cpu));
    let message = server.join().unwrap_err().to_string();
    assert!(message.contains("found 1000 bytes, expected at least"), "{message}");
}

#[test]
fn the_description_has_every_endpoint() {
    let server = Server::new(config());
    let description = server.get("/openapi.json").ok();
    assert!(description["openapi"].as_str().unwrap().starts_with("3."));
    let paths = description["paths"].as_object().unwrap();
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{model}", "soseki-mini").replace("{kind}", "trace");
            let status = send(server.address, &method.to_uppercase(), &path, &[], b"{}").finish().status;
            assert!(![404, 405, 500].contains(&status), "{method} {path}: {status}");
        }
    }
    let listed: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    let page = server.get("/api.html").text().to_owned();
    for path in listed.iter().filter(|path| !path.contains("{model}")) {
        assert!(page.contains(path), "{path} is not on the page");
    }
}

#[test]
fn metrics_count_what_was_done() {
    let server = Server::new(config());
    server.complete(&request("吾輩は", 3));
    assert_eq!((server.metric("generated_tokens_total"), server.metric("prompt_tokens_total")), (3.0, 3.0));
    // The engine counts a text after its client has the end.
    server.wait_for("texts_finished_total", 1.0);
    server.wait_for("texts_running", 0.0);
    server.complete(&request("吾輩は", 3));
    assert_eq!(server.metric("prompt_tokens_reused_total"), 1.0);
    let text = server.get("/metrics").text().to_owned();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("sukashi_") && value.parse::<f64>().is_ok(), "{line}");
    }
}
