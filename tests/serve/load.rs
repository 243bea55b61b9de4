//! Many clients at once. Some go away, and some read slowly. `SUKASHI_SERVE_LOAD=64x50` sets the clients and the
//! requests of each.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, config};

/// The clients, and the requests of each, without the variable.
const SMALL: (usize, usize) = (8, 3);

fn size() -> (usize, usize) {
    let asked = std::env::var("SUKASHI_SERVE_LOAD").ok();
    let parsed = asked.as_deref().map(|text| {
        let (clients, requests) = text.split_once('x').expect("CLIENTSxREQUESTS, such as 64x50");
        (clients.parse().unwrap(), requests.parse().unwrap())
    });
    parsed.unwrap_or(SMALL)
}

/// The request of a client. Many of them are equal.
fn request(client: usize, number: usize) -> Value {
    let prompts = ["吾輩は猫である", "先生", "吾輩は猫である。名前は", "山", "私はその人を"];
    let which = client * 7 + number * 3;
    json!({"prompt": prompts[which % prompts.len()], "max_tokens": 1 + which % 6, "seed": which % 4, "logprobs": 1,
        "stream": which.is_multiple_of(2)})
}

/// The text of an answer, streamed or not.
fn text(body: &str) -> String {
    let parts = body.split("\n\n").filter_map(|part| {
        let json = part.strip_prefix("data: ").unwrap_or(part);
        serde_json::from_str::<Value>(json).ok()
    });
    parts.filter_map(|part| part["choices"][0]["text"].as_str().map(str::to_owned)).collect()
}

/// The memory of this process in KiB.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()
}

#[test]
fn many_clients_get_the_texts_that_they_get_alone() {
    let (num_clients, num_requests) = size();
    let mut wide = config();
    (wide.engine.max_texts, wide.engine.max_queue) = (8, 1024);
    let server = Server::new(wide);
    // Each of the few different requests once, one after the other.
    let mut alone: Vec<(Value, String)> = Vec::new();
    for client in 0..num_clients {
        for number in 0..num_requests {
            let mut body = request(client, number);
            body["stream"] = json!(false);
            if alone.iter().all(|(known, _)| *known != body) {
                let want = text(server.post("/v1/completions", &body).text());
                alone.push((body, want));
            }
        }
    }
    let (before, started) = (resident(), Instant::now());
    thread::scope(|scope| {
        for client in 0..num_clients {
            let (server, alone) = (&server, &alone);
            scope.spawn(move || {
                for number in 0..num_requests {
                    let body = request(client, number);
                    let mut reading = server.begin("/v1/completions", &body);
                    assert_eq!(reading.status, 200);
                    if (client + number).is_multiple_of(5) {
                        // This one goes away, perhaps in the middle.
                        if body["stream"] == true {
                            reading.chunk();
                        }
                        continue;
                    }
                    if client.is_multiple_of(3) {
                        // This one reads slowly.
                        thread::sleep(Duration::from_millis(30));
                    }
                    let got = text(reading.finish().text());
                    let mut key = body;
                    key["stream"] = json!(false);
                    let want = &alone.iter().find(|(known, _)| *known == key).unwrap().1;
                    assert_eq!(&got, want, "client {client}, request {number}");
                }
            });
        }
    });
    server.wait_for("texts_running", 0.0);
    server.wait_for("texts_waiting", 0.0);
    let total = alone.len() + num_clients * num_requests;
    let ended = server.metric("texts_finished_total") + server.metric("texts_abandoned_total");
    // A text whose client went away while it waited never began.
    assert!(ended <= total as f64 && server.metric("texts_failed_total") == 0.0, "{ended} of {total}");
    println!(
        "{num_clients} clients with {num_requests} requests: {:.1} s, {} steps, {} tokens, memory {before:?} to {:?} KiB",
        started.elapsed().as_secs_f64(),
        server.metric("steps_total"),
        server.metric("generated_tokens_total"),
        resident()
    );
    if let (Some(before), Some(after)) = (before, resident()) {
        assert!(after < before + (128 << 10), "memory grew from {before} to {after} KiB");
    }
}
