//! What lies beyond OpenAI's protocol: traces, figures and captures.

use safetensors::SafeTensors;
use serde_json::{Value, json};
use sukashi::model::{Capture, CaptureRequest};
use sukashi::trace::Record;
use sukashi::{Device, Model, Trace};

use crate::server::{Server, config};

#[test]
fn a_trace_is_the_record_of_the_text() {
    let server = Server::new(config());
    let body =
        json!({"prompt": "吾輩は", "max_tokens": 3, "seed": 7, "top": 4, "record_stages": true, "top_k": 9});
    let answer = server.post("/v1/trace", &body);
    let trace = Trace::from_json(answer.text()).unwrap();
    assert_eq!((trace.schema.as_str(), trace.steps.len()), ("sukashi.trace/1", 3));
    assert_eq!((trace.prompt.text.as_deref(), trace.sampling.top_k), (Some("吾輩は"), Some(9)));
    assert!(trace.steps.iter().all(|step| step.candidates.len() >= 4 && step.stages.is_some()));
    let text = server.complete(&json!({"prompt": "吾輩は", "max_tokens": 3, "seed": 7, "top_k": 9}));
    let text = text["choices"][0]["text"].as_str().unwrap();
    assert_eq!(trace.text, Some(format!("吾輩は{text}")));
    for (fields, part) in
        [(json!({"top": 0}), "found 0"), (json!({"top": 1001}), "1 to 1000"), (json!({"n": 2}), "n is known")]
    {
        let mut body = json!({"prompt": "猫"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert!(server.post("/v1/trace", &body).refused(400).0.contains(part), "{fields}");
    }
}

#[test]
fn every_figure_is_drawn_in_every_form() {
    let server = Server::new(config());
    let mut kinds = Vec::new();
    let message = server.post("/v1/figure/nothing", &json!({})).refused(404).0;
    let list = message.rsplit_once("expected ").unwrap().1.to_owned();
    kinds.extend(list.split(", "));
    assert_eq!(kinds.len(), 8, "{list}");
    for kind in kinds {
        let path = format!("/v1/figure/{kind}");
        let more = if kind == "top-k" { json!(3) } else { Value::Null };
        let body =
            json!({"prompt": "猫である", "max_tokens": 2, "top_k": more, "lang": "en", "width": "480px"});
        let svg = server.post(&path, &body);
        assert_eq!(
            (svg.status, svg.headers["content-type"].as_str()),
            (200, "image/svg+xml"),
            "{}",
            svg.text()
        );
        assert!(svg.text().starts_with("<svg"), "{kind}");
        let mut numbers = body.clone();
        numbers["format"] = json!("json");
        assert_eq!(server.post(&path, &numbers).ok()["figure"], kind, "{kind}");
    }
    let png = server.post(
        "/v1/figure/next-token",
        &json!({"prompt": "猫", "format": "png", "options": {"top": 3, "log": true}}),
    );
    assert!(png.status == 200 && png.body.starts_with(b"\x89PNG"));
    let csv = server
        .post("/v1/figure/next-token", &json!({"prompt": "猫", "format": "csv", "options": {"top": 3}}));
    assert_eq!(csv.text().lines().count(), 1 + 3 + 1);
}

#[test]
fn a_record_is_drawn_without_a_run() {
    let server = Server::new(config());
    let trace = server.post("/v1/trace", &json!({"prompt": "猫", "max_tokens": 2})).json();
    let before = server.metric("prompt_tokens_total");
    let body = json!({"record": trace, "options": {"step": 2}});
    assert!(server.post("/v1/figure/next-token", &body).text().starts_with("<svg"));
    assert_eq!(server.metric("prompt_tokens_total"), before);
    for (body, part) in [
        (json!({}), "prompt and record"),
        (json!({"prompt": "猫", "record": {}}), "prompt and record"),
        (json!({"record": {"schema": "other"}}), ""),
        (json!({"prompt": "猫", "options": {"step": 1}}), "about a record"),
        (json!({"prompt": "猫", "options": {"top": "many"}}), "whole number"),
        (json!({"prompt": "猫", "options": {"foo": 1}}), "has top"),
        (json!({"prompt": "猫", "format": "gif"}), "svg, png, csv or json"),
        (json!({"prompt": "猫", "theme": "pink"}), "light, dark, print"),
        (json!({"prompt": "猫", "width": "9km"}), "px or mm"),
        (json!({"prompt": "猫", "scale": 0}), "above 0"),
        (json!({"prompt": "猫", "scale": 8, "width": "8000px", "format": "png"}), "too large"),
    ] {
        let (message, _) = server.post("/v1/figure/next-token", &body).refused(400);
        assert!(message.contains(part), "{body}: {message}");
    }
    assert!(server.post("/v1/figure/compare", &json!({})).refused(400).0.contains("not supported"));
    assert!(
        server
            .post("/v1/figure/attention", &json!({"prompt": "猫", "options": {"layer": 6}}))
            .refused(400)
            .0
            .contains("0 to 5")
    );
}

#[test]
fn captured_values_are_those_of_a_run() {
    let server = Server::new(config());
    let body =
        json!({"prompt": "猫である", "points": ["layers.2.resid", "hidden_states"], "positions": [1, 3]});
    let answer = server.post("/v1/capture", &body);
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/octet-stream"));
    let got = SafeTensors::deserialize(&answer.body).unwrap();
    let model = Model::embedded(&Device::Cpu).unwrap();
    let request = CaptureRequest::new(model.spec(), ["layers.2.resid", "hidden_states"]).unwrap().at([1, 3]);
    let want =
        pollster::block_on(Capture::run(&model, &model.encode("猫である").unwrap(), &request)).unwrap();
    let want = want.to_safetensors(&model).unwrap();
    assert_eq!(got.names().len(), 4);
    assert_eq!(answer.body, want);
    for (fields, part) in [
        (json!({"points": []}), "found none"),
        (json!({"points": ["layers.9.resid"]}), "layers 0 to 5"),
        (json!({"positions": [4]}), "found 4"),
    ] {
        let mut body = json!({"prompt": "猫である", "points": ["logits"]});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        assert!(server.post("/v1/capture", &body).refused(400).0.contains(part), "{fields}");
    }
}

#[test]
fn a_figure_of_a_score_has_the_numbers_of_a_score() {
    let server = Server::new(config());
    let model = Model::embedded(&Device::Cpu).unwrap();
    let ids = model.encode("吾輩は猫").unwrap();
    let score = pollster::block_on(sukashi::model::score(&model, &ids, &mut |_, _| {})).unwrap();
    let drawn = server.post("/v1/figure/tokens", &json!({"record": serde_json::from_str::<Value>(&score.to_json().unwrap()).unwrap(), "format": "csv"}));
    let run = server.post("/v1/figure/tokens", &json!({"prompt": "吾輩は猫", "format": "csv"}));
    assert_eq!(run.text(), drawn.text());
}
