//! Paths that do not name regular files: pipes without a writer, devices without an end, and folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{bounded, message, program};

/// Substitutes for a file.
fn impostors(folder: &Path) -> Vec<String> {
    let path = |name: &str| folder.join(name);
    assert!(Command::new("mkfifo").arg(path("pipe.ttf")).status().unwrap().success());
    symlink("/dev/zero", path("zero.ttf")).unwrap();
    fs::create_dir(path("folder.ttf")).unwrap();
    let huge = fs::File::create(path("huge.ttf")).unwrap();
    huge.set_len(5 << 30).unwrap();
    ["pipe.ttf", "zero.ttf", "folder.ttf", "huge.ttf"]
        .map(|name| path(name).to_str().unwrap().to_owned())
        .into()
}

#[test]
fn every_named_file_has_to_be_a_regular_one_of_a_fair_size() {
    let folder = tempfile::tempdir().unwrap();
    let next = ["next", "吾輩は", "--device", "cpu"];
    let figure = ["figure", "softmax", "--logits", "3,1"];
    for file in impostors(folder.path()) {
        let commands: &[(&str, Vec<&str>)] = &[
            ("font", [&figure[..], &["--font", &file]].concat()),
            ("record", vec!["figure", "next-token", "--from", &file]),
            ("part", vec!["figure", "budget", "--part-file", &file]),
            ("model", [&next[..], &["--model", &file]].concat()),
            (
                "messages",
                vec![
                    "generate",
                    "--messages",
                    &file,
                    "--model",
                    "tests/goldens/gpt2-tiny",
                    "--device",
                    "cpu",
                ],
            ),
            ("train", vec!["tokenize", "吾輩", "--train", &file]),
            ("bigram", vec!["next", "吾輩は", "--bigram", &file]),
            ("batch", vec!["generate", "--batch", &file, "--device", "cpu"]),
        ];
        for (what, args) in commands {
            let part = format!("part={file}");
            let args: Vec<&str> =
                args.iter().map(|arg| if *what == "part" && *arg == file { &part } else { *arg }).collect();
            let output = bounded(program(folder.path()).args(&args));
            let message = message(&output);
            assert_eq!(output.status.code(), Some(2), "{what} from {file}: {message}");
        }
    }
}

/// A pipe takes the place of the tokenizer, of the template or of the weights in a model's folder.
#[test]
fn every_file_of_a_model_has_to_be_a_regular_one() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/soseki-mini");
    for name in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "generation_config.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "special_tokens_map.json",
        "model.safetensors.index.json",
        "vocab.json",
    ] {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(&golden).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let path = folder.path().join(name);
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let model = folder.path().to_str().unwrap();
        let output =
            bounded(program(folder.path()).args(["next", "吾輩は", "--device", "cpu", "--model", model]));
        // The program may ignore a file that the model does not need, but may not wait for it.
        assert!(matches!(output.status.code(), Some(0 | 2)), "{name}: {}", message(&output));
    }
}
