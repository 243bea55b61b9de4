//! Texts, their log-probabilities, and the numbers of tokens.

use serde_json::{Value, json};
use sukashi::{Device, Model};

use crate::server::{Server, chat_model, chat_server, config, request};

/// The text of each answer.
fn texts(answer: &Value) -> Vec<&str> {
    answer["choices"].as_array().unwrap().iter().map(|choice| choice["text"].as_str().unwrap()).collect()
}

fn floats(list: &Value) -> Vec<Option<f64>> {
    list.as_array().unwrap().iter().map(Value::as_f64).collect()
}

#[test]
fn a_prompt_has_four_forms() {
    let server = Server::new(config());
    let model = Model::embedded(&Device::Cpu).unwrap();
    let [one, other] = ["吾輩は", "先生"].map(|text| json!(model.encode(text).unwrap()));
    let answer = server.complete(&request("吾輩は", 4));
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["usage"]["prompt_tokens"], 3);
    assert_eq!(answer["usage"]["completion_tokens"], 4);
    assert_eq!(answer["usage"]["total_tokens"], 7);
    let choice = &answer["choices"][0];
    assert_eq!((choice["finish_reason"].as_str(), choice["seed"].as_u64()), (Some("length"), Some(7)));
    assert!(!choice["text"].as_str().unwrap().is_empty());
    for (prompt, is_pair) in
        [(json!(["吾輩は", "先生"]), true), (one.clone(), false), (json!([one, other]), true)]
    {
        let all = server.complete(&json!({"prompt": prompt, "max_tokens": 4, "seed": 7}));
        assert_eq!(texts(&all)[0], texts(&answer)[0], "{prompt}");
        assert_eq!(texts(&all).len(), if is_pair { 2 } else { 1 });
    }
    let unseeded = server.complete(&json!({"prompt": "吾輩は", "max_tokens": 4}));
    let seed = unseeded["choices"][0]["seed"].as_u64().unwrap();
    let again = server.complete(&json!({"prompt": "吾輩は", "max_tokens": 4, "seed": seed}));
    assert_eq!(texts(&again), texts(&unseeded));
}

#[test]
fn echoed_log_probabilities_are_the_bits_of_a_score() {
    let server = Server::new(config());
    let model = Model::embedded(&Device::Cpu).unwrap();
    // More tokens than one pass reads, and fewer.
    for text in ["吾輩は猫である。名前はまだ無い。".repeat(5), "先生".to_owned()] {
        let ids = model.encode(&text).unwrap();
        let score = pollster::block_on(sukashi::model::score(&model, &ids, &mut |_, _| {})).unwrap();
        let want: Vec<Option<u64>> =
            score.tokens.iter().map(|token| token.prediction.map(|it| it.log_prob.to_bits())).collect();
        // As lm-evaluation-harness asks.
        let answer = server.complete(
            &json!({"model": "soseki-mini", "prompt": [ids], "max_tokens": 1, "logprobs": 1, "echo": true,
                "temperature": 0, "seed": 1234}),
        );
        let choice = &answer["choices"][0];
        let logprobs = &choice["logprobs"];
        let got: Vec<Option<u64>> =
            floats(&logprobs["token_logprobs"]).into_iter().map(|value| value.map(f64::to_bits)).collect();
        assert_eq!(got.len(), ids.len() + 1);
        assert_eq!(got[..ids.len()], want);
        assert!(choice["text"].as_str().unwrap().starts_with(&text));
        for (index, token) in score.tokens.iter().enumerate() {
            let top = &logprobs["top_logprobs"][index];
            let Some(prediction) = token.prediction else {
                assert!(top.is_null());
                continue;
            };
            let most = top.as_object().unwrap().values().filter_map(Value::as_f64).fold(f64::MIN, f64::max);
            assert_eq!(got[index] == Some(most.to_bits()), prediction.rank == 1, "token {index}");
            assert_eq!(logprobs["tokens"][index].as_str(), token.token.text.as_deref());
            assert_eq!(logprobs["text_offset"][index], index);
        }
        // The chosen token is the most probable one, at temperature 0.
        let last = logprobs["top_logprobs"][ids.len()].as_object().unwrap();
        assert_eq!(last.values().next().unwrap().as_f64().map(f64::to_bits), got[ids.len()]);
        let alone = server.complete(&json!({"prompt": [ids], "max_tokens": 0, "logprobs": 0, "echo": true}));
        let alone = &alone["choices"][0];
        assert_eq!((alone["text"].as_str(), alone["finish_reason"].as_str()), (Some(&*text), Some("length")));
        assert_eq!(floats(&alone["logprobs"]["token_logprobs"]).len(), ids.len());
    }
}

#[test]
fn a_chosen_token_is_scored_by_the_model_alone() {
    let server = Server::new(config());
    let plain =
        server.complete(&json!({"prompt": "吾輩は", "max_tokens": 1, "logprobs": 20, "temperature": 0}));
    let top = &plain["choices"][0]["logprobs"]["top_logprobs"][0];
    // Forces a token that is rare, which changes neither the scores nor the most probable tokens.
    let body = json!({"prompt": "吾輩は", "max_tokens": 1, "logprobs": 20, "logit_bias": {"2000": 1000.0}});
    let forced = server.complete(&body);
    let logprobs = &forced["choices"][0]["logprobs"];
    let model = Model::embedded(&Device::Cpu).unwrap();
    let text = model.token(2000).text.unwrap();
    assert_eq!(logprobs["tokens"][0], text.as_str());
    let mut with_forced = top.as_object().unwrap().clone();
    assert!(logprobs["token_logprobs"][0].as_f64().unwrap() < -5.0);
    with_forced.insert(text, logprobs["token_logprobs"][0].clone());
    assert_eq!(logprobs["top_logprobs"][0], Value::Object(with_forced));
}

#[test]
fn a_text_ends_before_what_stops_it() {
    let server = Server::new(config());
    let body = |more: Value| {
        let mut body = json!({"prompt": "吾輩は", "max_tokens": 12, "temperature": 0});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.complete(&body)["choices"][0].clone()
    };
    let whole = body(json!({}));
    let text: Vec<char> = whole["text"].as_str().unwrap().chars().collect();
    let before = |place: usize| text[..place].iter().collect::<String>();
    // The first place of a pair of characters.
    let pair: String = text[4..6].iter().collect();
    let place = (0..11).find(|place| text[*place..place + 2].iter().collect::<String>() == pair).unwrap();
    for stop in [json!(pair), json!(["鷹揚", pair])] {
        let stopped = body(json!({"stop": stop}));
        assert_eq!(
            (stopped["text"].as_str(), stopped["finish_reason"].as_str()),
            (Some(&*before(place)), Some("stop"))
        );
    }
    let model = Model::embedded(&Device::Cpu).unwrap();
    let id = model.encode(&text[4].to_string()).unwrap()[0];
    let place = text.iter().position(|character| *character == text[4]).unwrap();
    let stopped = body(json!({"stop_token_ids": [id], "logprobs": 0}));
    assert_eq!(
        (stopped["text"].as_str(), stopped["finish_reason"].as_str()),
        (Some(&*before(place)), Some("stop"))
    );
    // The token that stops the text is scored, but is no part of it.
    assert_eq!(stopped["logprobs"]["tokens"].as_array().unwrap().len(), place + 1);
}

#[test]
fn a_shared_prefix_is_not_read_again_and_changes_no_bit() {
    let server = Server::new(config());
    let scored = |prompt: &str| {
        let mut body = request(prompt, 3);
        body["logprobs"] = json!(5);
        let answer = server.complete(&body);
        let cached = answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
        (answer["choices"].clone(), cached)
    };
    let (long, short) = ("吾輩は猫である。名前はまだ無い", "吾輩は猫である。先生");
    let (first, cached) = scored(long);
    assert_eq!(cached, 0);
    assert_eq!(scored(long), (first, 13));
    let (shared, cached) = scored(short);
    assert_eq!(cached, 8);
    let fresh = Server::new(config());
    let mut body = request(short, 3);
    body["logprobs"] = json!(5);
    assert_eq!(fresh.complete(&body)["choices"], shared);
}

#[test]
fn several_texts_of_a_prompt_read_it_once() {
    let server = Server::new(config());
    let prompt = "吾輩は猫である。名前はまだ";
    let alone: Vec<Value> = (7..10)
        .map(|seed| {
            server.complete(&json!({"prompt": prompt, "max_tokens": 3, "seed": seed}))["choices"][0]["text"]
                .clone()
        })
        .collect();
    let fresh = Server::new(config());
    let answer = fresh.complete(&json!({"prompt": prompt, "max_tokens": 3, "seed": 7, "n": 3}));
    let together: Vec<Value> =
        answer["choices"].as_array().unwrap().iter().map(|choice| choice["text"].clone()).collect();
    assert_eq!(together, alone);
    assert_eq!(
        (answer["usage"]["prompt_tokens"].as_u64(), answer["usage"]["completion_tokens"].as_u64()),
        (Some(13), Some(9))
    );
    // The first text reads all tokens, and each other one the last two.
    assert_eq!(fresh.metric("prompt_tokens_total"), 13.0 + 2.0 + 2.0);
    assert_eq!(fresh.metric("prompt_tokens_reused_total"), 11.0 + 11.0);
}

#[test]
fn a_conversation_is_answered() {
    let folder = chat_model();
    let server = chat_server(&folder);
    let body = json!({"model": server.get("/v1/models").ok()["data"][0]["id"], "n": 2, "seed": 3, "max_tokens": 3,
        "messages": [{"role": "user", "content": "猫"}], "logprobs": true, "top_logprobs": 2});
    let answer = server.post("/v1/chat/completions", &body).ok();
    assert_eq!(
        (answer["object"].as_str(), answer["usage"]["prompt_tokens"].as_u64()),
        (Some("chat.completion"), Some(3))
    );
    assert_eq!(answer["choices"].as_array().unwrap().len(), 2);
    let choice = &answer["choices"][1];
    assert_eq!((choice["index"].as_u64(), choice["message"]["role"].as_str()), (Some(1), Some("assistant")));
    let tokens = choice["logprobs"]["content"].as_array().unwrap();
    let text: String = tokens.iter().map(|token| token["token"].as_str().unwrap()).collect();
    assert_eq!(choice["message"]["content"], text.as_str());
    for token in tokens {
        assert_eq!(token["top_logprobs"].as_array().unwrap().len(), 2);
        assert_eq!(json!(token["token"].as_str().unwrap().as_bytes()), token["bytes"]);
        assert!(token["top_logprobs"][0]["logprob"].as_f64() >= token["logprob"].as_f64());
    }
    // The same text without the template.
    let plain = server.complete(&json!({"prompt": "「猫。", "max_tokens": 3, "seed": 4}));
    assert_eq!(plain["choices"][0]["text"], choice["message"]["content"]);
}
