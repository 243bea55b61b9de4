//! Chat templates and messages.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use sukashi::text::{ChatTemplate, Message, RenderOptions, SpecialTokens};
use sukashi::weights::{Gguf, ModelFiles};
use sukashi::{Device, Model};

use super::refused;
use crate::gguf_writer::{File, Value, text};

const LABEL: &str = "tiny/chat_template.jinja";

fn template(source: &str) -> sukashi::Result<ChatTemplate> {
    ChatTemplate::new(LABEL, source, SpecialTokens::default())
}

fn rendered(source: &str) -> sukashi::Result<String> {
    template(source)?.render(&[Message::new("user", "one")], &RenderOptions::default())
}

#[test]
fn sources_that_are_no_template() {
    for source in
        ["{% if %}", "{{ 1 +", "{% for m in messages %}", "{{ 'a }}", "{% nonsense %}", "{% endif %}"]
    {
        refused(|| rendered(source), &[LABEL, "line 1"]);
    }
    refused(|| rendered("\n\n{{ messages | nonsense }}"), &[LABEL, "nonsense", "line 3"]);
    refused(|| rendered("{{ nonsense() }}"), &[LABEL, "nonsense"]);
    refused(|| rendered("{{ messages.nonsense() }}"), &[LABEL, "nonsense"]);
}

#[test]
fn sources_that_are_too_long() {
    let longest = "x".repeat(ChatTemplate::MAX_BYTES);
    assert_eq!(rendered(&longest).unwrap(), longest);
    refused(|| rendered(&(longest + "x")), &[LABEL, "131073 bytes", "at most 131072"]);
}

/// The engine has no loader, and no tags that would use one.
#[test]
fn other_files() {
    for source in [
        "{% include '/etc/passwd' %}",
        "{% include 'tokenizer_config.json' %}",
        "{% extends 'a' %}",
        "{% import 'a' as a %}",
        "{% from 'a' import b %}",
    ] {
        refused(|| rendered(source), &[LABEL, "unknown statement", "line 1"]);
    }
}

#[test]
fn loops_without_end() {
    let many = "{% for a in range(10000) %}".repeat(4) + &"{% endfor %}".repeat(4);
    refused(|| rendered(&many), &[LABEL, "takes too many steps", "1000000 steps"]);
    let many = "{% for a in range(10000) %}{% for b in range(10000) %}a{% endfor %}{% endfor %}";
    refused(|| rendered(many), &[LABEL, "takes too many steps"]);
    refused(|| rendered("{% for a in range(10 ** 12) %}{% endfor %}"), &[LABEL, "range"]);
    refused(
        || rendered("{{ range(100000) | list | sort | map('string') | join | length }}".repeat(40).as_str()),
        &[LABEL],
    );
}

#[test]
fn texts_without_end() {
    let within = "{{ 'x' * (8 * 1024 * 1024) }}".repeat(2);
    assert_eq!(rendered(&within).unwrap().len(), 16 << 20);
    refused(|| rendered(&(within + "x")), &[LABEL, "its text is too long", "16777216 bytes"]);
    let doubled =
        "{% set ns = namespace(t='x') %}{% for i in range(60) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}";
    refused(|| rendered(&(doubled.to_owned() + "{{ ns.t }}")), &[LABEL, "takes too many steps"]);
    for source in [
        "{{ 'x' * 10 ** 12 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '{0:{1}}'.format(1, 1000000000) }}",
        "{{ 'a' | indent(1000000000) }}",
        "{{ [1] | batch(1000000000, 0) | list }}",
        "{{ [1] | tojson(indent=1000000000) }}",
        "{{ ('x' * 1000000).replace('', 'y' * 1000000) }}",
        "{{ ('x' * 1000000).join(range(10000)) }}",
    ] {
        refused(|| rendered(source), &[LABEL]);
    }
}

#[test]
fn recursion_without_end() {
    for source in [
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(x) %}{{ g(x) }}{% endmacro %}{% macro g(x) %}{{ f([x]) }}{% endmacro %}{{ f(1) }}",
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    ] {
        refused(|| rendered(source), &[LABEL, "recursion"]);
    }
    let longest = ChatTemplate::MAX_BYTES;
    let repeated = |before: &str, part: &str, after: &str| {
        let count = (longest - before.len() - after.len()) / part.len();
        [before, &part.repeat(count), after].concat()
    };
    // The engine would recurse for each part, and take a minute for some.
    for (before, part, after) in [
        ("{{ ", "(", "1"),
        ("{{ ", "[", "1"),
        ("{{ ", "{1:", "1"),
        ("{{ ", "not ", "x }}"),
        ("{{ ", "-", "x }}"),
        ("{{ 1", "+1", " }}"),
        ("{{ 1//0", "+1", " }}"),
        ("{{ 1", "**1", " }}"),
        ("{{ 1", "~1", " }}"),
        ("{{ x", " or x", " }}"),
        ("{{ x", ".a", " }}"),
        ("{{ x", "[0]", " }}"),
        ("{{ x", "()", " }}"),
        ("{{ x", "|d", " }}"),
        ("{{ 1", " if 1 else 1", " }}"),
        ("{{ 1", " is not a", " }}"),
        ("{% set ", "(", ""),
    ] {
        refused(|| rendered(&repeated(before, part, after)), &[LABEL, "500 words and symbols", "line 1"]);
    }
    refused(|| rendered(&repeated("", "{% if 1 %}", "")), &[LABEL, "recursion"]);
    // Each tag has the most parts, and tags are nested as deeply as a source can be long. The result does not matter,
    // but the rendering has to end.
    let sum = |part: &str| format!("{{{{ 1//0{} }}}}", part.repeat(240));
    for source in [
        repeated("", &sum("~1"), ""),
        repeated("", &sum("~123"), ""),
        repeated("", &format!("{{{{ 1{} }}}}", "~1234".repeat(240)), ""),
        repeated("", &format!("{{{{ {}x }}}}", "-".repeat(490)), ""),
        repeated("{%if 0%}", "{%elif 0%}", "{%endif%}"),
        repeated("{% set x = 1 %}", "{% set x=[x]%}", "{{ x }}{{ x == x }}"),
        repeated("{% set x = 1 %}", "{% set x={1:x}%}", "{{ x | tojson }}"),
    ] {
        let start = Instant::now();
        let _ = rendered(&source);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}: {}", start.elapsed(), &source[..30]);
    }
}

/// Values that contain themselves, or that grow deeper in each round of a loop.
#[test]
fn values_without_end() {
    let depth = "at most 32 lists";
    for assigned in ["[ns.x]", "{'a': ns.x}", "(ns.x,)", "ns", "[ns, ns]"] {
        for use_of_it in ["", "{{ ns }}", "{{ ns == [ns] }}", "{{ ns ~ '' }}", "{{ ns | tojson }}"] {
            let source = format!(
                "{{% set ns = namespace(x=[1]) %}}{{% for i in range(9999) %}}{{%- set ns.x = {assigned} -%}}{{% endfor %}}{use_of_it}"
            );
            refused(|| rendered(&source), &[LABEL]);
        }
    }
    let wrap =
        |set: &str| format!("{{% set ns = namespace(x=1) %}}{{% for i in range(9999) %}}{set}{{% endfor %}}");
    refused(|| rendered(&wrap("{% set ns.x = [ns.x] %}")), &[LABEL, depth]);
    refused(|| rendered(&wrap("{% set ns.x | default([ns.x], true) %}{% endset %}")), &[LABEL, depth]);
    refused(|| rendered(&wrap("{% set (a, ns.x) = 1, [ns.x] %}")), &[LABEL, depth]);
    refused(|| rendered(&wrap("{% set ns.x = ns) or (1 %}")), &[LABEL, "line 1"]);
    // One assignment is not recursive. It stores the old contents of the namespace.
    let once = "{% set ns = namespace(x=1) %}{% set ns.x = ns %}{{ ns.x.x }}{{ ns }}";
    assert_eq!(rendered(once).unwrap(), "1{'x': {'x': 1}}");
    let two = "{% set a = namespace() %}{% set b = namespace(a=a) %}{% set a.b = b %}{{ a }}{{ a == b }}";
    assert_eq!(rendered(two).unwrap(), "{'b': {'a': {}}}False");
}

#[test]
fn attributes_that_are_not_there() {
    for source in [
        "{{ messages.__class__.__mro__ }}",
        "{{ messages[0].a.b }}",
        "{{ messages[7].content }}",
        "{{ nothing.content }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ messages[0].content + nothing }}",
    ] {
        refused(|| rendered(source), &[LABEL, "line 1"]);
    }
}

#[test]
fn dates() {
    let now = Some("2025-03-09T07:05:03".parse().unwrap());
    let told = |source: &str, now| {
        template(source)?.render(&[Message::new("user", "one")], &RenderOptions { now, ..Default::default() })
    };
    assert_eq!(told("{{ strftime_now('%Y') }}", now).unwrap(), "2025");
    assert_eq!(told("{{ strftime_now is defined }}", None).unwrap(), "False");
    refused(|| told("{{ strftime_now('%Y') }}", None), &[LABEL, "strftime_now"]);
    refused(|| told("{{ strftime_now('%!') }}", now), &[LABEL, "strftime_now"]);
    refused(|| told("{{ strftime_now('%z') }}", now), &[LABEL, "strftime_now"]);
    refused(|| told("{{ strftime_now('%99999999999999Y') }}", now), &[LABEL, "strftime_now"]);
    refused(|| told("{{ strftime_now(7) }}", now), &[LABEL]);
}

#[test]
fn what_a_template_refuses_is_shown_in_its_own_words() {
    let words = "Roles must alternate: 役割は交互に";
    let source =
        format!("{{% macro f() %}}{{{{ raise_exception('{words}') }}}}{{% endmacro %}}{{{{ f() }}}}");
    refused(|| rendered(&source), &["rejects the messages", words, LABEL]);
    let long = "{{ raise_exception('x' * 100000) }}";
    refused(|| rendered(long), &["rejects the messages", "xxx…"]);
}

#[test]
fn messages_that_say_nothing() {
    let plain = template("{{ messages[0].content }}").unwrap();
    let render = |messages: &[Message]| plain.render(messages, &RenderOptions::default());
    refused(|| render(&[]), &["no message"]);
    refused(|| render(&[Message::new("user", "")]), &["message 1 is empty", "user"]);
    let parts = Message::list_from_json("chat.json", br#"[{"role": "user", "content": []}]"#).unwrap();
    refused(|| render(&parts), &["message 1 is empty"]);
    let messages = [Message::new("system", ""), Message::new("user", "one"), Message::new("assistant", "")];
    refused(|| render(&messages), &["message 3 is empty", "assistant"]);
    assert_eq!(render(&messages[..2]).unwrap(), "");
}

#[test]
fn files_of_messages() {
    let list = |json: &str| Message::list_from_json("chat.json", json.as_bytes());
    let deep = "[".repeat(10_000);
    for (json, parts) in [
        ("", &["expected an array"][..]),
        ("{", &["expected an array"]),
        (&deep, &["expected an array"]),
        ("\"user\"", &["found a text", "expected an array"]),
        (r#"{"role": "user", "content": "a"}"#, &["found an object", "expected an array"]),
        ("[]", &["empty array"]),
        ("[1]", &["message 1", "a number", "an object with role and content"]),
        (r#"[{"role": "user", "content": "a"}, ["user", "b"]]"#, &["message 2", "an array"]),
        (r#"[{"content": "a"}]"#, &["message 1", "no role"]),
        (r#"[{"role": 7, "content": "a"}]"#, &["message 1", "a number as role", "a text such as"]),
        (r#"[{"role": null, "content": "a"}]"#, &["null as role"]),
        (r#"[{"role": "", "content": "a"}]"#, &["role = \"\""]),
        (r#"[{"role": ["user"], "content": "a"}]"#, &["an array as role"]),
        (r#"[{"role": "user"}]"#, &["message 1", "no content"]),
        (r#"[{"role": "user", "content": null}]"#, &["null as content", "a text or an array of parts"]),
        (r#"[{"role": "user", "content": {"text": "a"}}]"#, &["an object as content"]),
        (r#"[{"role": "user", "content": ["a"]}]"#, &["part 1", "a text", "an object with type and text"]),
        (
            r#"[{"role": "user", "content": [{"type": "image"}]}]"#,
            &["part 1", "type = \"image\"", "\"text\""],
        ),
        (r#"[{"role": "user", "content": [{"type": "text"}]}]"#, &["part 1", "no text"]),
        (r#"[{"role": "user", "content": [{"type": "text", "text": 1}]}]"#, &["a number as text"]),
        (r#"[{"role": "user", "content": "a", "name": "b"}]"#, &["message 1", "a field \"name\""]),
    ] {
        let message = refused(|| list(json), parts);
        assert!(message.contains("chat.json"), "{message}");
    }
    refused(|| Message::list_from_json("chat.json", b"\xFF"), &["chat.json"]);
    let folder = tempfile::tempdir().unwrap();
    refused(|| Message::list_from_file(&folder.path().join("none.json")), &["none.json"]);
    refused(|| Message::list_from_file(folder.path()), &["a regular file"]);
}

/// Makes a folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

#[test]
fn folders() {
    let found = |files: &[(&str, &[u8])]| ChatTemplate::from_folder(folder(files).path());
    let config = |value: serde_json::Value| found(&[("tokenizer_config.json", value.to_string().as_bytes())]);
    assert!(found(&[]).unwrap().is_none());
    assert!(config(json!({"chat_template": null, "bos_token": 7})).unwrap().is_none());
    for (value, parts) in [
        (json!({"chat_template": 7}), &["chat_template", "a number", "a text or an array"][..]),
        (json!({"chat_template": {"default": "a"}}), &["chat_template", "an object"]),
        (json!({"chat_template": []}), &["no default chat template", "[]"]),
        (json!({"chat_template": [7, {"name": "rag"}]}), &["no default chat template", "[\"rag\"]"]),
        (json!({"chat_template": [{"name": "default"}]}), &["\"default\"", "null"]),
        (json!({"chat_template": "a", "bos_token": 7}), &["bos_token", "a number"]),
        (json!({"chat_template": "a", "eos_token": {"content": 7}}), &["eos_token", "an object"]),
        (json!({"chat_template": "{% if %}"}), &["line 1"]),
    ] {
        refused(|| config(value.clone()), parts);
        refused(|| config(value), &["tokenizer_config.json"]);
    }
    for bytes in [&b""[..], b"[]", b"\xFF", b"{"] {
        refused(|| found(&[("tokenizer_config.json", bytes)]), &["tokenizer_config.json"]);
    }
    refused(|| found(&[("chat_template.jinja", b"\xFF")]), &["chat_template.jinja"]);
    refused(|| found(&[("chat_template.jinja", b"{% if %}")]), &["chat_template.jinja", "line 1"]);
    let long = vec![b'x'; ChatTemplate::MAX_BYTES + 1];
    refused(|| found(&[("chat_template.jinja", &long)]), &["chat_template.jinja", "131072"]);
}

#[test]
fn gguf_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let found = |template: Option<Value>, bos: u32| {
        let mut file = File::default();
        file.set("general.architecture", Value::Text("llama".into()));
        let tokens = ["<unk>", "<s>"].into_iter().fold(Vec::new(), |mut bytes, token| {
            text(&mut bytes, token);
            bytes
        });
        let header = [8_u32.to_le_bytes().as_slice(), &2_u64.to_le_bytes()].concat();
        file.set("tokenizer.ggml.tokens", Value::Raw(9, [header, tokens].concat()));
        file.set("tokenizer.ggml.bos_token_id", Value::U32(bos));
        if let Some(template) = template {
            file.set("tokenizer.chat_template", template);
        }
        fs::write(&path, file.bytes()).unwrap();
        Gguf::open(&path).unwrap().chat_template()
    };
    let source = |source: &str| Some(Value::Text(source.into()));
    let rendered = |bos| {
        let template = found(source("{{ bos_token }}{{ messages[0].content }}"), bos).unwrap().unwrap();
        template.render(&[Message::new("user", "a")], &RenderOptions::default()).unwrap()
    };
    assert_eq!(rendered(1), "<s>a");
    // The tokenizer refuses characters outside the vocabulary. The template does not need them.
    assert_eq!(rendered(2), "a");
    assert!(found(None, 1).unwrap().is_none());
    refused(|| found(source("{% if %}"), 1), &["model.gguf", "line 1"]);
    refused(|| found(source(&"x".repeat(ChatTemplate::MAX_BYTES + 1)), 1), &["model.gguf", "131072"]);
    refused(|| found(Some(Value::U32(7)), 1), &["model.gguf", "tokenizer.chat_template", "a text"]);
}

/// Makes a folder with a tiny model and these further files.
fn model(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = folder(files);
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/gpt2-tiny");
    for name in ["config.json", "model.safetensors"] {
        fs::copy(tiny.join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// An invalid template prevents only chats, and not other uses of the model.
#[test]
fn a_broken_template_waits_until_it_is_used() {
    for (name, bytes) in [
        ("chat_template.jinja", &b"{% if %}"[..]),
        ("tokenizer_config.json", b"nothing"),
        ("tokenizer_config.json", b"{\"chat_template\": 7}"),
    ] {
        let folder = model(&[(name, bytes)]);
        let files = ModelFiles::open(folder.path()).unwrap();
        refused(|| files.chat_template(), &[name]);
        let model = Model::load(&Device::Cpu, folder.path()).unwrap();
        refused(|| model.chat_template(), &[name]);
        refused(|| model.chat_template(), &[name]);
    }
    let folder = model(&[]);
    let model = Model::load(&Device::Cpu, folder.path()).unwrap();
    refused(
        || model.chat_template(),
        &["no chat template", "chat_template.jinja", "tokenizer_config.json", "--chat"],
    );
}

#[test]
fn generation_config() {
    for (json, parts) in [
        ("[]", &["generation_config.json"][..]),
        ("{", &["generation_config.json"]),
        (r#"{"eos_token_id": "a"}"#, &["generation_config.json", "eos_token_id", "\"a\""]),
        (r#"{"eos_token_id": [-1]}"#, &["generation_config.json", "eos_token_id", "[-1]"]),
        (r#"{"eos_token_id": [1.5]}"#, &["generation_config.json", "eos_token_id"]),
    ] {
        let folder = model(&[("generation_config.json", json.as_bytes())]);
        refused(|| Model::load(&Device::Cpu, folder.path()), parts);
    }
    let ends = |json: &str| {
        let folder = model(&[("generation_config.json", json.as_bytes())]);
        Model::load(&Device::Cpu, folder.path()).unwrap().spec().eos_token_ids.clone()
    };
    let of_config = ends("{}");
    assert_eq!(ends(r#"{"eos_token_id": null}"#), of_config);
    assert_eq!(ends(r#"{"eos_token_id": 3}"#), [3]);
    assert_eq!(ends(r#"{"eos_token_id": [3, 5]}"#), [3, 5]);
    // Ids past the vocabulary are left out, as in config.json.
    assert_eq!(ends(r#"{"eos_token_id": [3, 4294967295]}"#), [3]);
}
