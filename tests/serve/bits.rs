//! A request's text and log-probabilities are the same bits, whoever else is being served.

use std::thread;

use serde_json::{Value, json};
use sukashi::{Device, Model};

use crate::server::{Server, config};
use crate::skip::skip;

/// Requests of different lengths, with the settings of different users.
fn requests() -> Vec<Value> {
    vec![
        json!({"prompt": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所で泣いていた事だけは記憶している。吾輩はここで始めて人間というものを見た。",
            "max_tokens": 4, "seed": 1, "logprobs": 5}),
        json!({"prompt": "吾輩は猫である", "max_tokens": 8, "seed": 2, "logprobs": 3, "temperature": 0.7, "top_p": 0.9}),
        json!({"prompt": "先生", "max_tokens": 6, "seed": 3, "logprobs": 20, "echo": true}),
        json!({"prompt": "私", "max_tokens": 8, "seed": 4, "logprobs": 1, "frequency_penalty": 1.0}),
        json!({"prompt": "吾輩は猫である。名前は", "max_tokens": 3, "seed": 5, "logprobs": 2, "n": 2}),
        json!({"prompt": "山路を", "max_tokens": 10, "seed": 6, "logprobs": 0, "stop": ["。"]}),
    ]
}

/// All but the answer's name and time, and what was read before.
fn choices(server: &Server, request: &Value) -> String {
    server.complete(request)["choices"].to_string()
}

fn check(name: &str, device: &Device, num_rounds: usize) {
    let serve = || {
        let device = device.clone();
        Server::of(config(), move || Model::embedded(&device))
    };
    let all = requests();
    // Each request has the server for itself, without a prefix from an earlier one.
    let alone: Vec<String> = all.iter().map(|request| choices(&serve(), request)).collect();
    let server = serve();
    for round in 0..num_rounds {
        thread::scope(|scope| {
            for (index, (request, alone)) in all.iter().zip(&alone).enumerate() {
                let server = &server;
                scope.spawn(move || {
                    // The texts join and leave at different times.
                    thread::sleep(std::time::Duration::from_millis(
                        ((index * 7 + round * 5) % 6) as u64 * 40,
                    ));
                    assert_eq!(
                        &choices(server, request),
                        alone,
                        "request {index} in round {round} on {name}"
                    );
                });
            }
        });
    }
    assert!(server.metric("prompt_tokens_reused_total") > 0.0, "no prefix was shared on {name}");
    // A text's first token needs no step.
    let firsts = (num_rounds * (all.len() + 1)) as f64;
    let [steps, tokens] = ["steps_total", "generated_tokens_total"].map(|name| server.metric(name));
    assert!(steps < tokens - firsts, "no step had two texts on {name}: {steps} steps, {tokens} tokens");
}

#[test]
fn on_the_cpu_a_text_does_not_depend_on_the_others() {
    check("cpu", &Device::Cpu, 2);
}

#[test]
fn on_every_adapter_a_text_does_not_depend_on_the_others() {
    let adapters = pollster::block_on(sukashi::gpu::adapters());
    if adapters.is_empty() {
        assert!(
            std::env::var_os("SUKASHI_REQUIRE_GPU").is_none(),
            "SUKASHI_REQUIRE_GPU is set and there is no adapter"
        );
        skip("there is no adapter");
    }
    for index in 0..adapters.len() {
        let device = pollster::block_on(Device::request(&index.to_string())).unwrap();
        check(&device.info().name, &device, 1);
    }
}
