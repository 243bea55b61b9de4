//! Clients that go away, a server that is full, and a server that stops.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Reading;
use crate::server::{Server, config, request};

/// A stream that goes on for long.
fn long() -> Value {
    json!({"prompt": "吾輩は", "max_tokens": 120, "seed": 1, "stream": true, "ignore_eos": true})
}

/// Begins a stream and reads its first event.
fn begin(server: &Server) -> Reading {
    let mut reading = server.begin("/v1/completions", &long());
    assert_eq!(reading.status, 200);
    assert!(reading.chunk().is_some());
    reading
}

#[test]
fn a_client_that_goes_away_frees_its_slot() {
    let mut one_slot = config();
    one_slot.engine.max_texts = 1;
    let server = Server::new(one_slot);
    let reading = begin(&server);
    drop(reading);
    server.wait_for("texts_abandoned_total", 1.0);
    let tokens = server.metric("generated_tokens_total");
    assert!(tokens < 100.0, "{tokens} tokens for a client that read one");
    assert_eq!(server.metric("texts_running"), 0.0);
    // A client that waits for a whole text, and goes away.
    let mut whole = long();
    whole["stream"] = json!(false);
    let stream = std::net::TcpStream::connect(server.address).unwrap();
    let body = whole.to_string();
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        server.address,
        body.len()
    );
    std::io::Write::write_all(&mut &stream, format!("{head}{body}").as_bytes()).unwrap();
    server.wait_for("texts_running", 1.0);
    drop(stream);
    server.wait_for("texts_abandoned_total", 2.0);
    assert_eq!(server.complete(&request("吾輩は", 2))["usage"]["completion_tokens"], 2);
}

#[test]
fn a_full_queue_refuses_and_says_when_to_come_back() {
    let mut small = config();
    (small.engine.max_texts, small.engine.max_queue) = (1, 2);
    let server = Server::new(small);
    let running = begin(&server);
    let waiting = std::thread::scope(|scope| {
        let server = &server;
        let waiting: Vec<_> =
            (0..2).map(|_| scope.spawn(move || server.post("/v1/completions", &request("猫", 1)))).collect();
        server.wait_for("texts_waiting", 2.0);
        let answer = server.post("/v1/completions", &request("猫", 1));
        let (message, _) = answer.refused(429);
        assert!(message.contains("expected at most 2"), "{message}");
        assert_eq!(answer.headers["retry-after"], "1");
        drop(running);
        waiting.into_iter().map(|thread| thread.join().unwrap().status).collect::<Vec<_>>()
    });
    assert_eq!(waiting, [200, 200]);
    // More texts than can ever wait.
    let mut many = request("猫", 1);
    many["n"] = json!(3);
    assert!(server.post("/v1/completions", &many).refused(400).0.contains("found 3, expected at most 2"));
}

#[test]
fn an_answer_that_takes_too_long_is_ended() {
    let mut hasty = config();
    hasty.timeout = Duration::from_millis(1);
    let server = Server::new(hasty);
    let (message, _) = server.post("/v1/completions", &request("吾輩は", 100)).refused(503);
    assert!(message.contains("--timeout"), "{message}");
}

#[test]
fn a_server_that_stops_lets_running_answers_end() {
    let mut server = Server::new(config());
    let mut body = long();
    body["max_tokens"] = json!(10);
    let mut reading = server.begin("/v1/completions", &body);
    reading.chunk().unwrap();
    server.stop();
    let answer = reading.finish();
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
    server.join().unwrap();
    assert!(std::net::TcpStream::connect(server.address).is_err());
}

#[test]
fn a_server_that_stops_at_once_says_so_to_those_who_wait() {
    let mut hasty = config();
    (hasty.grace, hasty.engine.max_texts) = (Duration::ZERO, 1);
    let mut server = Server::new(hasty);
    let reading = begin(&server);
    let address = server.address;
    let waiting = std::thread::spawn(move || {
        let body = request("猫", 1).to_string();
        crate::client::send(address, "POST", "/v1/completions", &[], body.as_bytes()).finish()
    });
    server.wait_for("texts_waiting", 1.0);
    let started = Instant::now();
    server.stop();
    let streamed = reading.finish();
    let last = streamed.text().trim_end().rsplit("\n\n").next().unwrap().to_owned();
    assert!(last.contains("the server is stopping"), "{last}");
    assert!(waiting.join().unwrap().refused(503).0.contains("stopping"));
    server.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}
