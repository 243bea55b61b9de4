//! Tests the downloaded files, and their places in the cache.

use std::future::Future;
use std::path::Path;
use std::task::{Context, Waker};

use sukashi::weights::ModelFiles;
use sukashi::weights::hub::{self, Options, Progress};

use crate::server::{COMMIT, TOKEN, etag};
use crate::{SHARDED, SOSEKI, Setup, TINY, fetch, gguf, same_file};

#[test]
fn a_model_with_a_tokenizer() {
    let setup = Setup::new(&[SOSEKI]);
    let extra = ["README.md", "pytorch_model.bin", "onnx/model.onnx", "vocab.txt"];
    for name in extra {
        setup.hub.state().files.insert(name.into(), b"not for us".into());
    }
    let optional = ["chat_template.jinja", "generation_config.json", "tokenizer_config.json"];
    for name in optional {
        setup.hub.state().files.insert(name.into(), b"{}".into());
    }
    let mut told = Vec::new();
    let id = "a/b".parse().unwrap();
    let path = pollster::block_on(hub::fetch(&id, &setup.options, &mut |progress| told.push(progress)));
    let path = path.unwrap();

    assert_eq!(path, setup.repo().join("snapshots").join(COMMIT));
    let needed = ["config.json", "model.safetensors", "tokenizer.json"];
    let expected = needed.into_iter().chain(optional).map(str::to_owned).collect();
    assert_eq!(setup.names(&format!("snapshots/{COMMIT}")), expected);
    needed.iter().for_each(|name| same_file(&path.join(name), SOSEKI));
    let files = ModelFiles::open(&path).unwrap();
    assert_eq!(files.name, "a/b");
    assert!(files.tokenizer.is_some());

    let state = setup.hub.state();
    let total = expected.iter().map(|name| state.files[name].len() as u64).sum();
    assert_eq!(told.last(), Some(&Progress { done_bytes: total, total_bytes: total }));
    assert!(told.is_sorted_by_key(|progress| progress.done_bytes));
    assert!(state.requests.iter().all(|request| extra.iter().all(|name| !request.path.contains(name))));
}

/// Other programs that share the cache rely on this layout.
#[test]
fn the_cache_is_laid_out_as_its_own_tools_do() {
    let setup = Setup::new(&[SHARDED]);
    let path = setup.fetch("a/b@v1").unwrap();
    assert_eq!(setup.names(""), ["blobs", "refs", "snapshots"].map(str::to_owned).into());
    assert_eq!(std::fs::read_to_string(setup.repo().join("refs/v1")).unwrap(), COMMIT);
    let state = setup.hub.state();
    let names = setup.names(&format!("snapshots/{COMMIT}"));
    assert_eq!(names.len(), 5, "{names:?}");
    for name in &names {
        same_file(&path.join(name), SHARDED);
        let blob = etag(name, &state.files[name]);
        assert!(setup.repo().join("blobs").join(&blob).is_file(), "{name}");
        #[cfg(unix)]
        assert_eq!(std::fs::read_link(path.join(name)).unwrap(), Path::new("../../blobs").join(blob));
    }
    assert_eq!(setup.names("blobs").len(), 5);
    assert_eq!(ModelFiles::open(&path).unwrap().name, "a/b");
}

#[test]
fn what_is_there_is_not_downloaded_again() {
    let setup = Setup::new(&[SHARDED]);
    setup.fetch("a/b").unwrap();
    assert!(setup.hub.take_requests().len() > 5 && setup.hub.take_bytes() > 0);

    setup.fetch("a/b").unwrap();
    let paths = Vec::from_iter(setup.hub.take_requests().into_iter().map(|request| request.path));
    assert_eq!(paths, ["/api/models/a/b/revision/main"]);

    // A branch may have a / in its name. Its files are identified by their hashes.
    setup.fetch("a/b@refs/pr/1").unwrap();
    assert_eq!(setup.hub.take_bytes(), 0);
    assert_eq!(std::fs::read_to_string(setup.repo().join("refs/refs/pr/1")).unwrap(), COMMIT);
}

#[test]
fn a_commit_that_is_there_needs_no_hub() {
    let setup = Setup::new(&[SOSEKI]);
    let id = format!("a/b@{COMMIT}");
    let path = setup.fetch(&id).unwrap();
    setup.hub.take_requests();
    assert_eq!(setup.fetch(&id).unwrap(), path);
    assert!(setup.hub.take_requests().is_empty());
    assert!(!setup.repo().join("refs").exists());
}

#[test]
fn a_gguf_file_in_a_folder() {
    let setup = Setup::new(&[]);
    let mut file = gguf::File::default();
    file.set("general.architecture", gguf::Value::Text("llama".into()));
    let bytes = file.bytes();
    setup.hub.state().files.insert("q4/tiny.gguf".into(), bytes.clone());
    let path = setup.fetch("a/b:q4/tiny.gguf").unwrap();
    assert!(path.ends_with(format!("{COMMIT}/q4/tiny.gguf")));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(ModelFiles::open(&path).unwrap().name, "a/b:q4/tiny.gguf");
    #[cfg(unix)]
    assert!(std::fs::read_link(&path).unwrap().starts_with("../../../blobs"));
    assert_eq!(setup.hub.take_requests().len(), 4, "list, HEAD, GET, and GET of the storage");
}

#[test]
fn an_empty_file() {
    let setup = Setup::new(&[TINY]);
    setup.hub.state().files.insert("chat_template.jinja".into(), Vec::new());
    let path = setup.fetch("a/b").unwrap();
    assert_eq!(std::fs::read(path.join("chat_template.jinja")).unwrap(), b"");
}

#[test]
fn the_token_goes_to_the_hub_alone() {
    let mut setup = Setup::new(&[SOSEKI]);
    setup.hub.state().is_gated = true;
    setup.options.token = Some(format!("{TOKEN}\n"));
    setup.fetch("a/b").unwrap();
    let (storage, hub): (Vec<_>, Vec<_>) =
        setup.hub.take_requests().into_iter().partition(|request| request.is_storage);
    assert!(hub.len() > 5);
    let token = format!("Bearer {TOKEN}");
    assert!(hub.iter().all(|request| request.headers.get("authorization") == Some(&token)));
    assert!(!storage.is_empty());
    assert!(storage.iter().all(|request| !request.headers.contains_key("authorization")));
    assert!(!format!("{:?}", setup.options).contains(TOKEN));
}

#[test]
fn two_at_once_download_once() {
    let setup = Setup::new(&[SOSEKI]);
    let paths = std::thread::scope(|scope| {
        let runs = [0, 1, 2].map(|_| scope.spawn(|| setup.fetch("a/b").unwrap()));
        runs.map(|run| run.join().unwrap())
    });
    paths.iter().for_each(|path| same_file(&path.join("model.safetensors"), SOSEKI));
    assert_eq!(setup.hub.take_bytes(), setup.hub.state().files["model.safetensors"].len());
}

#[test]
fn offline_takes_what_is_there() {
    let mut setup = Setup::new(&[SHARDED]);
    setup.options.offline = true;
    let error = setup.fails("a/b", &["a/b offline", "revision main", "HF_HUB_OFFLINE"]);
    assert_eq!(error.exit_code(), 2);
    assert!(!setup.repo().exists());

    setup.options.offline = false;
    let path = setup.fetch("a/b").unwrap();
    setup.hub.take_requests();
    setup.options.offline = true;
    assert_eq!(setup.fetch("a/b").unwrap(), path);
    assert_eq!(setup.fetch(&format!("a/b@{COMMIT}")).unwrap(), path);
    setup.fails("a/b@v1", &["revision v1"]);
    setup.fails("a/b:tiny.gguf", &["tiny.gguf"]);
    let shard = path.join("model-00002-of-00003.safetensors");
    std::fs::remove_file(&shard).unwrap();
    setup.fails("a/b", &["no model-00002-of-00003.safetensors"]);
    assert!(setup.hub.take_requests().is_empty());
}

#[test]
fn without_a_network_the_cache_is_used() {
    let setup = Setup::new(&[TINY]);
    let path = setup.fetch("a/b").unwrap();
    // No server listens on this port.
    let away = Options { endpoint: "http://127.0.0.1:1".into(), ..setup.options.clone() };
    assert_eq!(fetch("a/b", &away).unwrap(), path);
    let error = fetch("a/c", &away).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    let message = error.to_string();
    for part in ["cannot reach http://127.0.0.1:1", "not in the cache", "HF_ENDPOINT", "HF_HUB_OFFLINE"] {
        assert!(message.contains(part), "{message}");
    }
    setup.hub.state().listing = Some((503, "", String::new()));
    assert_eq!(setup.fetch("a/b").unwrap(), path);
    setup.hub.state().listing = Some((404, "RepoNotFound", String::new()));
    setup.fails("a/b", &["no such repository"]);
}

#[test]
fn a_download_that_nobody_waits_for_ends() {
    let setup = Setup::new(&[SOSEKI]);
    // The download would take many connections.
    setup.hub.state().cut_after = Some(100_000);
    let id = "a/b".parse().unwrap();
    let mut progress = |_| {};
    let mut future = Box::pin(hub::fetch(&id, &setup.options, &mut progress));
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(future);
    std::thread::sleep(std::time::Duration::from_millis(600));
    let before = setup.hub.state().requests.len();
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert_eq!(setup.hub.state().requests.len(), before);
}
