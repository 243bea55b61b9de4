//! Keys, hosts and origins.

use serde_json::json;
use sukashi::serve::Guard;

use crate::client::send;
use crate::server::{Server, config};

const KEY: &str = "sk-of-the-tests";

#[test]
fn without_a_key_nothing_is_answered() {
    let mut guarded = config();
    guarded.guard = Guard::new(&[KEY.to_owned()], &[], &[]);
    let server = Server::new(guarded);
    let get = |path: &str, value: &str| {
        send(server.address, "GET", path, &[("authorization", value)], b"").finish()
    };
    for value in ["", "Bearer wrong", KEY, "Basic c2s="] {
        for path in ["/v1/models", "/metrics", "/openapi.json", "/", "/nothing"] {
            let answer = get(path, value);
            let (message, _) = answer.refused(401);
            assert!(!message.contains("wrong") && !message.contains(KEY), "{message}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    let body = json!({"prompt": "猫", "max_tokens": 1}).to_string();
    let post = |value: &str| {
        send(server.address, "POST", "/v1/completions", &[("authorization", value)], body.as_bytes()).finish()
    };
    post("Bearer wrong").refused(401);
    post(&format!("Bearer {KEY}")).ok();
    assert_eq!(get("/v1/models", &format!("Bearer {KEY}")).status, 200);
    assert_eq!(get("/health", "").status, 200);
}

#[test]
fn names_and_pages_of_others_are_not_answered() {
    let origin = "https://page.example".to_owned();
    let mut guarded = config();
    guarded.guard = Guard::new(&[], &[], std::slice::from_ref(&origin));
    guarded.origins = vec![origin.clone()];
    let server = Server::new(guarded);
    let get = |headers: &[(&str, &str)]| send(server.address, "GET", "/v1/models", headers, b"").finish();
    assert!(get(&[("host", "evil.example")]).refused(403).0.contains("evil.example"));
    assert_eq!(get(&[("host", "localhost:1")]).status, 200);
    let foreign = get(&[("origin", "https://evil.example")]);
    foreign.refused(403);
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    get(&[("origin", "null")]).refused(403);
    let named = get(&[("origin", &origin)]);
    assert_eq!((named.status, named.headers["access-control-allow-origin"].as_str()), (200, origin.as_str()));
    let asked = [
        ("origin", origin.as_str()),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,authorization"),
    ];
    let preflight = send(server.address, "OPTIONS", "/v1/completions", &asked, b"").finish();
    assert_eq!(
        (preflight.status, preflight.headers["access-control-allow-origin"].as_str()),
        (200, origin.as_str())
    );
    assert!(preflight.headers["access-control-allow-headers"].contains("authorization"));
    // A page cannot send JSON without asking first.
    let plain =
        send(server.address, "POST", "/v1/completions", &[("content-type", "text/plain")], b"{}").finish();
    plain.refused(415);
}
