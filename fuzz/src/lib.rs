//! The fuzz targets: everything that reads untrusted bytes.
//!
//! A target accepts any bytes. It may refuse them with an error, but must not panic, hang, or use more memory
//! than `scripts/fuzz.sh` allows. If a target needs two inputs, a zero byte separates them.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::{Component, Path};

use serde_json::Value;
use sukashi::figure::{
    Fonts, AttentionOptions, Metric, NextToken, TraceOptions, Style, Temperatures, Tokens, TopK, attention, example, lens,
    next_token, temperature, tokens, top_k, trace as trace_figure,
};
use sukashi::model::DecoderSpec;
use sukashi::sampling::{Sampler, Settings};
use sukashi::text::{
    ChatTemplate, EncodeOptions, Message, RenderOptions, SpecialTokens, Tokenizer, TokenizerKind, Training,
};
use sukashi::trace::{Attention, Lens, Record, Score, Trace};
use sukashi::weights::{Gguf, ModelFiles, Safetensors, Weights};
use sukashi::{Device, Model, Session};

// This module belongs to the program, which has no library of its own.
#[path = "../../src/cli/request_line.rs"]
mod request_line;

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Replaces libFuzzer's panic hook, which would end the process even for a panic that the library catches.
/// The library catches panics of the `tokenizers` crate on invalid files.
pub fn start() {
    set_hook(Box::new(|info| LAST_PANIC.with_borrow_mut(|last| *last = info.to_string())));
}

/// Runs a target. A panic that the library does not catch aborts the process, which libFuzzer counts as a
/// crash.
pub fn run(target: fn(&[u8]), data: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target(data))).is_err() {
        eprintln!("{}", LAST_PANIC.take());
        std::process::abort();
    }
}

/// Splits the input at the last zero byte.
fn split_at_zero(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let middle = data.iter().rposition(|&byte| byte == 0)?;
    Some((&data[..middle], &data[middle + 1..]))
}

/// A safetensors file: the header and every tensor.
pub fn safetensors(data: &[u8]) {
    let Ok(weights) = Safetensors::from_bytes("model.safetensors", data.to_vec()) else { return };
    let (mut buffer, mut total) = (Vec::new(), 0);
    for name in weights.names() {
        weights.read(name, &mut buffer).expect("a checked tensor can be read");
        total += buffer.len();
    }
    assert!(total <= data.len(), "tensors have {total} bytes, the file {}", data.len());
}

/// A GGUF file: the metadata and every tensor.
pub fn gguf(data: &[u8]) {
    let Ok(file) = Gguf::from_bytes("model.gguf", data.to_vec()) else { return };
    let _ = file.model_name();
    if let Ok(config) = file.config() {
        let _ = sukashi::model::spec::from_config(&config, "model.gguf");
    }
    let mut buffer = Vec::new();
    for name in file.names() {
        let _ = file.info(name).map(|info| info.shape.len());
        let _ = file.read_part(name, (0, 1), &mut buffer);
    }
}

/// The tokenizer and the chat template in a GGUF file.
pub fn vocabulary(data: &[u8]) {
    let Ok(file) = Gguf::from_bytes("model.gguf", data.to_vec()) else { return };
    if let Ok(Some(tokenizer)) = file.tokenizer() {
        use_tokenizer(&tokenizer, "a 猫\r\n<s>x");
    }
    if let Ok(Some(template)) = file.chat_template() {
        let _ = template.render(&[Message::new("user", "x")], &RenderOptions::default());
    }
}

/// A GGUF file as a model, which is loaded and run on a few tokens.
pub fn model(data: &[u8]) {
    let Ok(file) = Gguf::from_bytes("model.gguf", data.to_vec()) else { return };
    let Ok(config) = file.config() else { return };
    let files = ModelFiles {
        name: file.model_name(),
        config,
        config_label: "model.gguf".to_owned(),
        tokenizer: None,
        generation_config: None,
        allow_unused_tensors: false,
        chat: Ok(None),
        weights: Weights::Gguf(Box::new(file)),
    };
    let Ok(model) = Model::from_files(&Device::Cpu, files, &mut |_, _| {}) else { return };
    let Ok(mut session) = Session::with_max_seq_len(&model, 4) else { return };
    let _ = pollster::block_on(async {
        session.prefill(&[0, 1]).await?;
        session.decode(0).await.map(|_| ())
    });
}

/// A `config.json`.
pub fn config(data: &[u8]) {
    let Ok(config) = serde_json::from_slice::<Value>(data) else { return };
    let spec: Result<DecoderSpec, _> = sukashi::model::spec::from_config(&config, "config.json");
    if let Ok(spec) = spec {
        assert!(spec.num_kv_heads > 0 && spec.num_heads.is_multiple_of(spec.num_kv_heads), "{spec:?}");
    }
}

/// A `tokenizer.json` and a text.
pub fn tokenizer(data: &[u8]) {
    let Some((file, text)) = split_at_zero(data) else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    if let Ok(tokenizer) = Tokenizer::from_bytes("tokenizer.json", file) {
        use_tokenizer(&tokenizer, text);
    }
}

fn use_tokenizer(tokenizer: &Tokenizer, text: &str) {
    let ids = tokenizer.encode(text, EncodeOptions { add_special_tokens: true, allow_unknown: true });
    let ids = ids.unwrap_or_else(|_| (0..8).collect());
    let mut stream = tokenizer.stream();
    let mut parts: String = ids.iter().filter_map(|&id| stream.push(id)).collect();
    parts.extend(stream.finish());
    assert_eq!(tokenizer.decode(&ids), parts);
    for &id in &ids {
        let _ = tokenizer.token(id);
    }
    if let Ok(cut) = tokenizer.cut("t", text, false) {
        let _ = cut.cost(text);
        let _ = cut.lost().count();
    }
    if text.len() < 100 {
        let _ = tokenizer.merge_tree("t", text);
    }
}

/// A chat template and messages for it.
pub fn chat(data: &[u8]) {
    let Some((source, messages)) = split_at_zero(data) else { return };
    let Ok(source) = str::from_utf8(source) else { return };
    let messages = match Message::list_from_json("messages.json", messages) {
        Ok(messages) => messages,
        Err(_) => vec![Message::new("system", "猫"), Message::new("user", "a\"b")],
    };
    if let Ok(template) = ChatTemplate::new("chat_template.jinja", source, SpecialTokens::default()) {
        let _ = template.render(&messages, &RenderOptions::default());
    }
}

/// A trace in JSON or JSON lines, converted to every format and drawn as every figure.
pub fn trace(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for read in [Trace::from_json, Trace::from_jsonl] {
        let Ok(trace) = read(text) else { continue };
        let again = Trace::from_json(&trace.to_json().expect("a trace that was read can be written"));
        assert_eq!(again.expect("a trace that was written can be read"), trace);
        let _ = (trace.to_csv(), trace.to_jsonl(), trace.to_markdown());
        let style = Style::default();
        let _ = next_token(&trace, &NextToken::default(), &style).map(|figure| figure.svg());
        let _ = top_k(&trace, &TopK::default(), &style).map(|figure| figure.svg());
        let _ = temperature(&trace, &Temperatures::default(), &style).map(|figure| figure.svg());
        let _ = trace_figure(&trace, &TraceOptions::default(), &style).map(|figure| figure.svg());
    }
}

/// Records of scores, attention and the logit lens.
pub fn records(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let style = Style::default();
    for read in [Score::from_json, Score::from_jsonl] {
        let Ok(score) = read(text) else { continue };
        let again = Score::from_json(&score.to_json().expect("a record that was read can be written"));
        assert_eq!(again.expect("a record that was written can be read"), score);
        let _ = (score.to_csv(), score.to_jsonl(), score.to_markdown());
        let _ = tokens(&score, &Tokens::default(), &style).map(|figure| figure.svg());
    }
    if let Ok(record) = Attention::from_json(text) {
        for head in [None, Some(0)] {
            let heads = AttentionOptions { layer: 0, head, query: None };
            let _ = attention(&record, &heads, &style).map(|figure| figure.svg());
        }
    }
    if let Ok(record) = Lens::from_json(text) {
        for metric in [Metric::Prob, Metric::Kl] {
            let _ = lens(&record, metric, &style).map(|figure| figure.svg());
        }
    }
}

/// A font file, used as the first face of a figure.
pub fn font(data: &[u8]) {
    let Ok(fonts) = Fonts::embedded().with_bytes(data.to_vec()) else { return };
    let _ = fonts.missing("aA1 猫é\u{301}");
    let trace = example::trace(
        "m",
        "a",
        &["猫", "A1"],
        vec![example::step(1, &[("a", 2.0), ("é", 1.0)], 3, 0.5, Some(0))],
    );
    let style = Style { fonts, ..Style::default() };
    if let Ok(figure) = next_token(&trace, &NextToken::default(), &style) {
        let _ = figure.svg();
    }
}

/// A training text for a tokenizer. The first byte chooses the kind.
pub fn training(data: &[u8]) {
    let Some((kind, text)) = data.split_first() else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let kinds = [TokenizerKind::CharBpe, TokenizerKind::ByteBpe, TokenizerKind::Char, TokenizerKind::Word];
    let training = Training { kind: kinds[usize::from(*kind) % 4], vocab_size: 300, ..Training::default() };
    if let Ok(tokenizer) = training.run([text]) {
        use_tokenizer(&tokenizer, text);
    }
}

/// A hub's list of files. No accepted name may lead out of its folder.
pub fn hub(data: &[u8]) {
    let Ok(files) = sukashi::weights::hub::listed_files(data) else { return };
    for file in files {
        let parts = Path::new(&file).components();
        let is_inside = parts.into_iter().all(|part| matches!(part, Component::Normal(_)));
        assert!(is_inside && !file.is_empty() && !file.contains(['\\', '\0', ':']), "{file:?}");
    }
}

/// A line of a batch file.
pub fn batch(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(line) = request_line::RequestLine::parse(text) else { return };
    let _ = (line.messages(), line.misplaced(true), line.misplaced(false));
    if let Ok(settings) = line.settings(Settings::default()) {
        settings.validate().expect("parsing a line checks its settings");
        let _ = Sampler::new(settings, 100);
    }
}

/// The body of a request to the server.
pub fn serve(data: &[u8]) {
    sukashi::serve::read_body(data, 100);
}
