//! Tests `--model owner/name` with a hub of the tests' own.

#[path = "../hub/server.rs"]
#[expect(dead_code, reason = "tests/hub uses the rest")]
mod server;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use server::{COMMIT, Hub, TOKEN};
use sukashi::Trace;
use tempfile::TempDir;

use crate::{Ran, finish, program, tiny_model};

struct Setup {
    hub: Hub,
    home: TempDir,
}

impl Setup {
    fn new(folders: &[&str]) -> Self {
        Self { hub: Hub::new("a/b", folders), home: tempfile::tempdir().unwrap() }
    }

    /// Makes a command with this hub and an empty home.
    fn program(&self, args: &[&str]) -> Command {
        let mut command = program();
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_uppercase();
            if text.starts_with("HF_")
                || text.starts_with("HUGG")
                || text.ends_with("_PROXY")
                || text.starts_with("XDG_")
            {
                command.env_remove(&name);
            }
        }
        command.env("HF_HOME", self.home.path()).env("HF_ENDPOINT", &self.hub.endpoint);
        command.args(args).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        let ran = finish(&mut self.program(args));
        assert!(!ran.stderr.contains(TOKEN) && !ran.stdout.contains(TOKEN), "{}", ran.stderr);
        ran
    }

    #[track_caller]
    fn refused(&self, model: &str, code: i32, parts: &[&str]) {
        let ran = self.run(&["next", "--ids", "1", "--device", "cpu", "--model", model]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{}", ran.stderr);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
        for part in parts {
            assert!(ran.stderr.contains(part), "no {part:?} in: {}", ran.stderr);
        }
    }
}

const NEXT: [&str; 7] = ["next", "吾輩は", "--device", "cpu", "--format", "json", "--model"];

#[test]
fn a_model_is_downloaded_once_and_named_as_on_the_hub() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    let ran = setup.run(&[&NEXT[..], &["a/b"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "", "a bar is for terminals");
    let trace = Trace::from_json(&ran.stdout).unwrap();
    assert_eq!(trace.model.name, "a/b");
    let embedded = crate::cpu_trace(&["next", "吾輩は"]);
    assert_eq!(trace.steps, embedded.steps);
    assert_eq!(trace.model.weights_sha256, embedded.model.weights_sha256);
    assert!(setup.home.path().join("hub/models--a--b/snapshots").join(COMMIT).is_dir());

    setup.hub.take_bytes();
    assert_eq!(setup.run(&[&NEXT[..], &["a/b@main"]].concat()).stdout, ran.stdout);
    assert_eq!(setup.hub.take_bytes(), 0);
    setup.hub.take_requests();
    let offline = finish(setup.program(&[&NEXT[..], &["a/b"]].concat()).env("HF_HUB_OFFLINE", "1"));
    assert_eq!(offline.stdout, ran.stdout);
    assert!(setup.hub.take_requests().is_empty());
}

#[test]
fn shards() {
    let setup = Setup::new(&["tests/goldens/gpt2-sharded"]);
    let args =
        ["trace", "--ids", "1,2,3", "--greedy", "-n", "4", "--device", "cpu", "--format", "json", "--model"];
    let ran = setup.run(&[&args[..], &["a/b@v1"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let local = crate::run(&[&args[..], &["tests/goldens/gpt2-sharded"]].concat());
    let steps = |ran: &Ran| Trace::from_json(&ran.stdout).unwrap().steps;
    assert_eq!(steps(&ran), steps(&local));
}

#[test]
fn a_folder_wins() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    let here = tempfile::tempdir().unwrap();
    let folder = here.path().join("a/b");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(Path::new(&tiny_model()).join(name), folder.join(name)).unwrap();
    }
    let args = ["next", "--ids", "1", "--device", "cpu", "--format", "json", "--model", "a/b"];
    let ran = finish(setup.program(&args).current_dir(here.path()));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(Trace::from_json(&ran.stdout).unwrap().model.name, "b");
    // A folder that is not a model has the same effect.
    std::fs::remove_file(folder.join("config.json")).unwrap();
    let ran = finish(setup.program(&args).current_dir(here.path()));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("no config.json"), "{}", ran.stderr);
    assert!(setup.hub.take_requests().is_empty());
}

#[test]
fn what_is_neither_here_nor_a_name_there() {
    let setup = Setup::new(&[]);
    for model in ["no-such-model", "./a/b", "a/b/c", "a/b@", "a/b:x.bin", "Cargo.toml/x/y"] {
        setup.refused(
            model,
            2,
            &["cannot open model", model, "as a model of the hub", "config.json", "owner/name", "because: "],
        );
    }
    assert!(setup.hub.take_requests().is_empty());
    setup.refused("models/tiny", 2, &["no such repository", "no file or folder models/tiny here"]);
}

/// A mistyped path and the user's token stay on this machine.
#[test]
fn a_mistyped_path_is_not_asked_for() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    let here = tempfile::tempdir().unwrap();
    std::fs::create_dir(here.path().join("a")).unwrap();
    std::fs::write(here.path().join("file"), "").unwrap();
    let run = |model: &str| {
        let args = [&NEXT[..], &[model]].concat();
        finish(setup.program(&args).current_dir(here.path()).env("HF_TOKEN", TOKEN))
    };
    for (model, part) in [
        ("a/b", "found a here, and no b in it"),
        ("file/b", "found file here"),
        ("other/b.gguf", "ends as a file's does, .gguf"),
        ("other/model.safetensors", ".safetensors"),
    ] {
        let ran = run(model);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        let named = format!("write {model}@main");
        for part in ["error: cannot open model", model, part, &named] {
            assert!(ran.stderr.contains(part), "no {part:?} in: {}", ran.stderr);
        }
    }
    assert!(setup.hub.take_requests().is_empty());
    // With a revision, the name can only be one on the hub.
    let ran = run("a/b@main");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(setup.hub.take_requests().iter().any(|request| request.headers.contains_key("authorization")));
    // If the hub does not have a model, the name may have been a path. This also holds without a network.
    std::fs::remove_dir(here.path().join("a")).unwrap();
    assert!(run("a/c").stderr.contains("and there is no file or folder a/c here"));
    let args = [&NEXT[..], &["a/c"]].concat();
    let ran = finish(setup.program(&args).env("HF_ENDPOINT", "http://127.0.0.1:1"));
    assert!(ran.stderr.contains("and there is no file or folder a/c here"), "{}", ran.stderr);
}

#[test]
fn a_password_in_the_address_is_not_printed() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    let secret = setup.hub.endpoint.replace("://", "://me:pa55word@");
    let args = [&NEXT[..], &["a/b"]].concat();
    let run = |endpoint: &str, model: &str| {
        let args = [&NEXT[..], &[model]].concat();
        finish(setup.program(&args).env("HF_ENDPOINT", endpoint).env("SUKASHI_LOG", "trace"))
    };
    for (endpoint, model, code) in [
        ("http://me:pa55word@127.0.0.1:1", "a/b", 1),
        (secret.as_str(), "a/c", 2),
        ("me:pa55word@host", "a/b", 2),
        (secret.as_str(), "a/b", 0),
        // There is a cache to fall back on.
        ("http://me:pa55word@127.0.0.1:1", "a/b", 0),
    ] {
        let ran = run(endpoint, model);
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        assert!(!ran.stderr.contains("pa55word") && !ran.stdout.contains("pa55word"), "{}", ran.stderr);
    }
    let proxy = "http://me:pa55word@127.0.0.1:1";
    let ran = finish(setup.program(&args).env("HTTP_PROXY", proxy).env("ALL_PROXY", proxy));
    assert!(!ran.stderr.contains("pa55word"), "{}", ran.stderr);
}

#[test]
fn two_programs_at_once_download_once() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    let size = setup.hub.state().files["model.safetensors"].len();
    // The hub pauses between parts, so that both downloads are in progress.
    setup.hub.state().cut_after = Some(size / 3);
    let args = [&NEXT[..], &["a/b"]].concat();
    let children = [0, 1].map(|_| {
        let mut command = setup.program(&args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let [first, second] = children.map(|child| crate::ran(child.wait_with_output().unwrap()));
    for ran in [&first, &second] {
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(setup.hub.take_bytes(), size, "one waited for the other");
}

#[test]
fn who_waits_for_a_lock_says_so() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    let name = server::etag("model.safetensors", &setup.hub.state().files["model.safetensors"]);
    let locks = setup.home.path().join("hub/.locks/models--a--b");
    std::fs::create_dir_all(&locks).unwrap();
    let path = locks.join(format!("{name}.lock"));
    let lock = std::fs::File::create(&path).unwrap();
    lock.lock().unwrap();
    let args = [&NEXT[..], &["a/b"]].concat();
    let mut child = setup.program(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = stderr.next().unwrap().unwrap();
    for part in ["waiting for another program", "model.safetensors", path.to_str().unwrap()] {
        assert!(line.contains(part), "no {part:?} in: {line}");
    }
    drop(lock);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(stderr.count(), 0, "once");
}

/// A limit on the size of files stands for a full disk.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    let size = setup.hub.state().files["model.safetensors"].len();
    let args = [&NEXT[..], &["a/b"]].concat();
    let program = setup.program(&args);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 4000; exec \"$0\" \"$@\""]).arg(program.get_program());
    shell.args(program.get_args()).stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let ran = finish(&mut shell);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
    for part in ["the disk is full", "room for", &format!("of {size} bytes"), "HF_HUB_CACHE"] {
        assert!(ran.stderr.contains(part), "no {part:?} in: {}", ran.stderr);
    }
    let repo = setup.home.path().join("hub/models--a--b");
    assert!(!repo.join("snapshots").join(COMMIT).join("model.safetensors").exists());
    assert!(!repo.join("refs/main").exists());
    // With enough room, the rest is downloaded.
    let before = setup.hub.take_bytes();
    assert!(before > 0);
    assert_eq!(setup.run(&args).code, Some(0));
    assert!(setup.hub.take_bytes() < size);
}

#[test]
fn tokens() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    setup.hub.state().is_gated = true;
    setup.refused("a/b", 2, &["gated", "accept the terms at", &setup.hub.endpoint, "HF_TOKEN"]);
    let args = [&NEXT[..], &["a/b"]].concat();
    let authorized = |setup: &Setup| {
        let requests = setup.hub.take_requests();
        requests.iter().any(|request| request.headers.contains_key("authorization"))
    };
    authorized(&setup);

    std::fs::write(setup.home.path().join("token"), format!("{TOKEN}\n")).unwrap();
    let ran = finish(setup.program(&args).env("HF_TOKEN", ""));
    assert_eq!((ran.code, authorized(&setup)), (Some(2), false), "set to nothing: none");
    let ran = finish(setup.program(&args).env("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"));
    assert_eq!((ran.code, authorized(&setup)), (Some(2), false));
    let ran = finish(setup.program(&args).env("HF_TOKEN", "hf_another"));
    assert_eq!((ran.code, authorized(&setup)), (Some(2), true));
    let ran = setup.run(&args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    std::fs::remove_file(setup.home.path().join("token")).unwrap();
    let cache = setup.home.path().join("elsewhere");
    let ran = finish(setup.program(&args).env("HF_TOKEN", TOKEN).env("HF_HUB_CACHE", &cache));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(cache.join("models--a--b").is_dir());

    std::fs::write(setup.home.path().join("token"), vec![b'x'; 5000]).unwrap();
    setup.refused("a/b", 2, &["token", "4096 bytes"]);
}

#[test]
fn no_network() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    let args = [&NEXT[..], &["a/b"]].concat();
    // No server listens on this port.
    let away = || finish(setup.program(&args).env("HF_ENDPOINT", "http://127.0.0.1:1"));
    let ran = away();
    assert_eq!(ran.code, Some(1));
    for part in ["error: cannot reach http://127.0.0.1:1", "not in the cache", "HF_ENDPOINT", "because: "] {
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
    let online = setup.run(&args);
    let ran = away();
    assert_eq!((ran.code, ran.stdout), (Some(0), online.stdout));
    assert!(ran.stderr.contains("using the cached"), "{}", ran.stderr);

    let offline = finish(setup.program(&[&NEXT[..], &["a/c"]].concat()).env("HF_HUB_OFFLINE", "ON"));
    assert_eq!(offline.code, Some(2));
    assert!(offline.stderr.contains("cannot use a/c offline"), "{}", offline.stderr);
}

#[test]
fn a_killed_download_goes_on() {
    let setup = Setup::new(&["assets/soseki-mini"]);
    let size = setup.hub.state().files["model.safetensors"].len();
    // Each connection brings a part, so the download takes long enough to be killed.
    setup.hub.state().cut_after = Some(200_000);
    let args = [&NEXT[..], &["a/b"]].concat();
    let mut child = setup.program(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while setup.hub.state().bytes_sent < size / 10 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = setup.hub.take_bytes();
    assert!(before < size, "killed too late to tell");
    setup.hub.state().cut_after = None;
    let ran = setup.run(&args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let after = setup.hub.take_bytes();
    // The bytes in flight at the end of the program are sent again.
    assert!(after < size && before + after <= size + 400_000, "{before} and {after} of {size} bytes");
}
