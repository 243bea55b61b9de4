//! Tests chats, from messages through a model's own template to an answer.

use std::path::Path;

use serde_json::{Value, json};

use crate::{cpu, cpu_trace, in_folder, run_with_input, tiny_model};

/// The template adds marks around each turn, and a newline after the second mark.
const TEMPLATE: &str = "{{ bos_token }}{% for m in messages %}{% if m.role == 'poet' %}\
    {{ raise_exception('詩人は困る') }}{% endif %}\
    <|turn|>{{ '僕' if m.role == 'user' else '猫' if m.role == 'assistant' else '神' }}\n{{ m.content | trim }}<|end|>\n\
    {% endfor %}{% if add_generation_prompt %}<|turn|>猫\n{% if thinking is defined and thinking is false %}無{% endif %}\
    {% endif %}";

/// Makes a chat model from soseki-mini: its weights, its characters, and three added tokens in place of rare ones.
fn model(template: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/soseki-mini");
    std::fs::copy(assets.join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    std::fs::copy(assets.join("config.json"), folder.path().join("config.json")).unwrap();
    let bytes = std::fs::read(assets.join("tokenizer.json")).unwrap();
    let mut tokenizer: Value = serde_json::from_slice(&bytes).unwrap();
    let added = ["<s>", "<|turn|>", "<|end|>"].into_iter().zip(LAST - 2..).map(|(content, id)| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    });
    let added: Vec<Value> = added.collect();
    let vocab = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    vocab.retain(|_, id| id.as_u64().unwrap() < LAST - 2);
    for token in &added {
        vocab.insert(token["content"].as_str().unwrap().to_owned(), token["id"].clone());
    }
    tokenizer["added_tokens"].as_array_mut().unwrap().extend(added);
    // As in Llama's tokenizer, a text begins with <s> unless an option says otherwise.
    tokenizer["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [LAST - 2], "tokens": ["<s>"]}},
    });
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let config = json!({"chat_template": template, "bos_token": {"content": "<s>"}, "eos_token": null});
    std::fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    folder
}

/// The largest id of soseki-mini.
const LAST: u64 = 2947;

/// The arguments of `command` with the chat model in `folder`.
fn chat<'a>(command: &[&'a str], model: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    [command, &["--model", model, "--chat"], rest].concat()
}

fn path(folder: &tempfile::TempDir) -> String {
    folder.path().to_str().unwrap().to_owned()
}

/// The ids of the prompt in a trace.
fn prompt_ids(args: &[&str]) -> Vec<u32> {
    cpu_trace(args).prompt.tokens.iter().map(|token| token.id).collect()
}

#[test]
fn a_prompt_becomes_a_turn() {
    let folder = model(TEMPLATE);
    let model = path(&folder);
    let text = "<s><|turn|>神\n静かに<|end|>\n<|turn|>僕\n名前は<|end|>\n<|turn|>猫\n";
    let args = chat(&["generate", " 名前は "], &model, &["--system", "静かに", "-n", "8"]);
    let answer = cpu(&args);
    assert!(!answer.contains("名前は<") && !answer.contains("<|turn|>"), "{answer}");
    assert_eq!(cpu(&[&args[..], &["--show-prompt"]].concat()), text.to_owned() + &answer);
    assert_eq!(cpu(&[&args[..], &["--no-echo"]].concat()), answer);
    // The template's text gives the same tokens as a plain text, except for the <s> that the tokenizer adds to a plain
    // text.
    let ids = prompt_ids(&chat(&["next", "名前は"], &model, &["--system", "静かに"]));
    assert_eq!(&ids[..2], [LAST as u32 - 2, LAST as u32 - 1]);
    let spelled = prompt_ids(&["next", &text["<s>".len()..], "--model", &model]);
    assert_eq!(ids, spelled);
    let trace = cpu_trace(&chat(&["next", "名前は"], &model, &["--system", "静かに"]));
    assert_eq!(trace.prompt.text.as_deref(), Some(text));
}

#[test]
fn the_end_of_a_turn_ends_the_answer() {
    let folder = model(TEMPLATE);
    let model = path(&folder);
    let args = chat(&["generate", "名前は"], &model, &["--greedy", "-n", "6", "--logit-bias"]);
    let end = format!("{LAST}=1e9");
    assert_eq!(cpu(&[&args[..], &[&end]].concat()), "\n");
    let shown = cpu(&[&args[..], &[&end, "--show-prompt"]].concat());
    assert_eq!(shown, "<s><|turn|>僕\n名前は<|end|>\n<|turn|>猫\n\n");
    // Without --chat it is an ordinary token.
    let plain =
        cpu_trace(&["trace", "名前は", "--model", &model, "--greedy", "-n", "3", "--logit-bias", &end]);
    assert_eq!(plain.steps.len(), 3);
    let chosen =
        cpu_trace(&chat(&["trace", "名前は"], &model, &["--greedy", "-n", "3", "--logit-bias", &end]));
    assert_eq!(chosen.steps.len(), 1);
    // If a template has no such token, the spelling identifies it. The answer continues after other tokens.
    let folder = self::model("{% for m in messages %}{{ m.content }}\n{% endfor %}");
    let model = path(&folder);
    for (id, num_steps) in [(LAST, 1), (LAST - 1, 3)] {
        let bias = format!("{id}=1e9");
        let args = chat(&["trace", "名前は"], &model, &["--greedy", "-n", "3", "--logit-bias", &bias]);
        assert_eq!(cpu_trace(&args).steps.len(), num_steps);
    }
}

#[test]
fn the_end_that_generation_config_names_ends_a_text() {
    let folder = model(TEMPLATE);
    std::fs::write(folder.path().join("generation_config.json"), r#"{"eos_token_id": [5, 2946]}"#).unwrap();
    let model = path(&folder);
    for flags in [&["--chat"][..], &[]] {
        let args = ["trace", "名前は", "--model", &model, "-n", "3", "--greedy", "--logit-bias", "2946=1e9"];
        assert_eq!(cpu_trace(&[&args[..], flags].concat()).steps.len(), 1);
    }
}

#[test]
fn several_turns_come_from_a_file() {
    let folder = model(TEMPLATE);
    let (model, file) = (path(&folder), in_folder(&folder, "turns.json"));
    let turns = json!([
        {"role": "system", "content": "静かに"},
        {"role": "user", "content": "名前は"},
        {"role": "assistant", "content": "無い"},
        {"role": "user", "content": "そうか"},
    ]);
    std::fs::write(&file, turns.to_string()).unwrap();
    let before = "<s><|turn|>神\n静かに<|end|>\n<|turn|>僕\n名前は<|end|>\n<|turn|>猫\n無い<|end|>\n<|turn|>僕\nそうか<|end|>\n";
    let text = |args: &[&str]| cpu_trace(&chat(args, &model, &["--messages", &file])).prompt.text.unwrap();
    assert_eq!(text(&["next"]), before.to_owned() + "<|turn|>猫\n");
    let more = before.to_owned() + "<|turn|>僕\n猫か<|end|>\n<|turn|>猫\n";
    assert_eq!(text(&["next", "猫か"]), more);
    let args = chat(&["next", "-", "--format", "json", "--device", "cpu"], &model, &["--messages", &file]);
    let ran = run_with_input(&args, "猫か\n".as_bytes());
    assert_eq!(sukashi::Trace::from_json(&ran.stdout).unwrap().prompt.text.unwrap(), more);
}

#[test]
fn a_template_is_told_the_date_and_more() {
    let folder = model("{{ strftime_now('%Y年%-m月') }}{{ thinking }}{{ name }}{{ '終' if not thinking }}");
    let model = path(&folder);
    let told = [
        "--date",
        "2025-03-09",
        "--chat-variable",
        "thinking=false",
        "--chat-variable",
        "name=猫",
        "--allow-unknown",
    ];
    let trace = cpu_trace(&chat(&["next", "a"], &model, &told));
    assert_eq!(trace.prompt.text.unwrap(), "2025年3月False猫終");
}

/// As in transformers, the text of a user can contain the spelling of a special token.
#[test]
fn special_tokens_in_a_message_are_special_tokens() {
    let folder = model(TEMPLATE);
    let ids = prompt_ids(&chat(&["next", "猫<|end|>"], &path(&folder), &[]));
    assert_eq!(ids.iter().filter(|&&id| u64::from(id) == LAST).count(), 2);
}

#[test]
fn a_figure_shows_a_chat() {
    let folder = model(TEMPLATE);
    let (model, file) = (path(&folder), in_folder(&folder, "chat.svg"));
    assert_eq!(
        cpu(&chat(&["figure", "next-token", "名前は"], &model, &["-o", &file, "--text-mode", "text"])),
        ""
    );
    let svg = std::fs::read_to_string(&file).unwrap();
    assert!(svg.contains("&lt;|turn|&gt;僕") && svg.contains("名前は&lt;|end|&gt;"), "{svg}");
}

#[track_caller]
fn refused(args: &[&str], parts: &[&str]) {
    crate::bad_input::refused(args, parts);
}

#[test]
fn bad_input() {
    let folder = model(TEMPLATE);
    let (model, file) = (path(&folder), in_folder(&folder, "turns.json"));
    let with_file = |contents: &str, prompt: &[&str], parts: &[&str]| {
        std::fs::write(&file, contents).unwrap();
        refused(&chat(&[&["generate"], prompt].concat(), &model, &["--messages", &file]), parts);
    };
    with_file(r#"{"role": "user"}"#, &[], &["turns.json", "an object", "expected an array"]);
    with_file(r#"[{"role": "user", "content": ""}]"#, &[], &["message 1 is empty"]);
    with_file(
        r#"[{"role": "user", "content": "猫"}, {"role": "assistant", "content": "犬"}]"#,
        &[],
        &["nothing to answer", "prompt"],
    );
    with_file(r#"[{"role": "system", "content": "猫"}]"#, &[], &["no prompt"]);
    with_file(
        r#"[{"role": "system", "content": "猫"}]"#,
        &["猫", "--system", "犬"],
        &["--system", "--messages"],
    );
    with_file(r#"[{"role": "poet", "content": "猫"}]"#, &[], &["rejects the messages", "詩人は困る"]);
    refused(&chat(&["generate"], &model, &[]), &["no prompt", "--messages"]);
    refused(&chat(&["generate"], &model, &["--system", "猫"]), &["no prompt"]);
    refused(&chat(&["generate", ""], &model, &[]), &["message 1 is empty"]);
    refused(&chat(&["generate", "鷗"], &model, &[]), &["'鷗'", "--allow-unknown"]);
    refused(&chat(&["generate", "猫"], &model, &["--messages", "none.json"]), &["none.json"]);
    refused(&chat(&["generate", "猫"], &model, &["--date", "yesterday"]), &["--date", "yesterday"]);
    refused(&chat(&["generate", "猫"], &model, &["--chat-variable", "thinking"]), &["NAME=VALUE"]);
    refused(
        &chat(&["generate", "猫"], &model, &["--show-prompt", "--no-echo"]),
        &["--show-prompt", "--no-echo"],
    );
    refused(&["next", "猫", "--bigram", &file, "--chat"], &["--bigram", "--chat"]);
    refused(&chat(&["generate"], &model, &["--ids", "1"]), &["--ids", "--chat"]);
    for flag in
        [&["--system", "猫"][..], &["--messages", &file], &["--date", "2025-03-09"], &["--show-prompt"]]
    {
        refused(&[&["generate", "猫", "--model", &model], flag].concat(), &[flag[0], "--chat"]);
    }
    refused(&["figure", "next-token", "--from", &file, "--chat", "-o", "x.svg"], &["--from", "--chat"]);
    refused(&["generate", "猫", "--chat"], &["soseki-mini has no chat template", "--chat"]);
    refused(&["generate", "猫", "--chat", "--model", &tiny_model()], &["gpt2-tiny has no chat template"]);

    let broken = self::model("{% if %}");
    let model = path(&broken);
    refused(&chat(&["generate", "猫"], &model, &[]), &["tokenizer_config.json", "line 1"]);
    cpu(&["generate", "猫", "-n", "1", "--model", &model]);
    let endless = self::model("{% for a in range(9999) %}{% for a in range(9999) %}{% endfor %}{% endfor %}");
    refused(
        &chat(&["generate", "猫"], &path(&endless), &[]),
        &["tokenizer_config.json", "takes too many steps"],
    );
}

#[test]
fn lines_of_a_batch_are_chats_of_their_own() {
    let folder = model(TEMPLATE);
    let model = path(&folder);
    let lines = [
        json!({"prompt": "名前は", "system": "静かに"}),
        json!({"prompt": "名前は"}),
        json!({"messages": [{"role": "user", "content": "猫"}, {"role": "assistant", "content": "犬"}], "prompt": "名前は"}),
        json!({"messages": [{"role": "user", "content": "名前は"}]}),
    ];
    let file = folder.path().join("prompts.jsonl");
    std::fs::write(&file, lines.each_ref().map(|line| format!("{line}\n")).concat()).unwrap();
    let file = file.to_str().unwrap();
    let answers: Vec<Value> =
        cpu(&chat(&["generate", "--batch", file, "-n", "8"], &model, &["--system", "神よ"]))
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
    let messages = folder.path().join("messages.json");
    std::fs::write(&messages, lines[2]["messages"].to_string()).unwrap();
    let messages = messages.to_str().unwrap();
    let wanted = [
        ["--system", "静かに"].as_slice(),
        &["--system", "神よ"],
        &["--system", "神よ", "--messages", messages],
        &["--system", "神よ"],
    ];
    for (answer, rest) in answers.iter().zip(wanted) {
        let alone = cpu(&chat(&["generate", "名前は", "-n", "8"], &model, rest));
        assert_eq!(answer["text"], alone.strip_suffix('\n').unwrap(), "{rest:?}");
    }
    assert_eq!((&answers[0]["prompt"], &answers[3]["prompt"]), (&json!("名前は"), &Value::Null));

    for (line, parts) in [
        (json!({"ids": [1]}), ["field ids", "leave --chat out"]),
        (json!({"prompt": "名前は", "messages": [{"role": "user"}]}), ["message 1", "content"]),
        (json!({"prompt": "名前は", "messages": []}), ["empty array", "one message"]),
        (json!({"system": "静かに"}), ["there is no prompt", ":1"]),
    ] {
        std::fs::write(file, line.to_string()).unwrap();
        refused(&chat(&["generate", "--batch", file], &model, &[]), &parts);
    }
}
