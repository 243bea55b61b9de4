//! Hostile servers: they cost little time and little disk space, and learn no secret.

use std::time::{Duration, Instant};

use sukashi::weights::ModelFiles;
use sukashi::weights::hub::Options;

use crate::server::{COMMIT, TOKEN};
use crate::{SHARDED, SOSEKI, Setup, TINY, fetch, same_file};

const WEIGHTS: &str = "model.safetensors";

/// A hub, and a client with a short timeout.
fn impatient(folders: &[&str]) -> Setup {
    let mut setup = Setup::new(folders);
    setup.options.timeout = Duration::from_millis(300);
    setup
}

#[test]
fn a_byte_per_connection_is_no_way_to_go_on() {
    let setup = Setup::new(&[SOSEKI]);
    setup.hub.state().cut_after = Some(1);
    let started = Instant::now();
    let error = setup.fails("a/b", &[WEIGHTS, "they stay in the cache"]);
    assert_eq!(error.exit_code(), 1);
    assert!(started.elapsed() >= Duration::from_millis(500), "there are pauses");
    let storage = setup.hub.take_requests().into_iter().filter(|request| request.is_storage).count();
    assert!(storage <= 16, "{storage} connections");
}

#[test]
fn connections_that_bring_a_little_have_pauses() {
    let setup = Setup::new(&[SOSEKI]);
    let size = setup.hub.state().files[WEIGHTS].len();
    setup.hub.state().cut_after = Some(size / 4 + 1);
    let started = Instant::now();
    same_file(&setup.fetch("a/b").unwrap().join(WEIGHTS), SOSEKI);
    assert!(started.elapsed() >= Duration::from_millis(750), "three pauses between four connections");
}

#[test]
fn heads_that_drip_end() {
    for path in ["/api/models/", "/config.json", "/model.safetensors"] {
        let setup = impatient(&[TINY]);
        setup.hub.state().drips_head = Some(path);
        let started = Instant::now();
        let error = setup.fails("a/b", &["cannot reach http://127.0.0.1"]);
        assert_eq!(error.exit_code(), 1);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("timeout"), "{source}");
        assert!(started.elapsed() < Duration::from_secs(10), "{path}: {:?}", started.elapsed());
    }
}

#[test]
fn bodies_that_drip_end() {
    for (path, part) in
        [("/api/models/", "the list of files"), ("resolve-cache", "config.json"), ("signature", WEIGHTS)]
    {
        let setup = impatient(&[TINY]);
        setup.hub.state().drips_body = Some(path);
        let started = Instant::now();
        let error = setup.fails("a/b", &[part]);
        assert_eq!(error.exit_code(), 1);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("bytes in 0.3 s, expected at least 16384"), "{source}");
        assert!(started.elapsed() < Duration::from_secs(10), "{path}: {:?}", started.elapsed());
    }
}

#[test]
fn small_files_do_not_fill_the_disk() {
    let setup = Setup::new(&[TINY]);
    setup.hub.state().endless = Some("config.json");
    setup.fails("a/b", &["config.json", "too large", "more than 100000000 bytes"]);
    let blobs = setup.repo().join("blobs");
    let stored: u64 = blobs.read_dir().unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(stored, 0);

    let setup = Setup::new(&[TINY]);
    setup.hub.state().announced_small = Some(1 << 50);
    setup.fails("a/b", &["config.json", "too large", "1125899906842624", "at most 100000000"]);
    assert!(setup.names("blobs").is_empty());
}

#[test]
fn weights_without_a_size_are_not_begun() {
    let setup = Setup::new(&[SOSEKI]);
    setup.hub.state().hides_sizes = true;
    setup.fails("a/b", &[WEIGHTS, "did not send its size"]);
    assert!(setup.hub.take_requests().iter().all(|request| !request.is_storage));
}

#[test]
fn names_of_devices_and_names_that_windows_shortens() {
    let setup = Setup::new(&[SHARDED]);
    let index = "model.safetensors.index.json";
    for name in ["NUL.safetensors", "con", "com1.safetensors", "x.safetensors.", "x.safetensors "] {
        let text = format!(r#"{{"weight_map":{{"a":"{name}"}}}}"#);
        setup.hub.state().files.insert(index.into(), text.into());
        setup.hub.state().files.insert(name.into(), b"x".into());
        setup.fails("a/b", &["not safe to store", name, "index.json lists it"]);
        std::fs::remove_dir_all(setup.repo()).unwrap();
    }
    for etag in ["nul", "CON", "lpt1"] {
        let setup = Setup::new(&[TINY]);
        setup.hub.state().etag = Some(etag.into());
        setup.fails("a/b", &["ETag is not a hash"]);
    }
}

/// Messages show only a part of a server's text.
#[test]
fn long_words_are_cut() {
    let setup = Setup::new(&[]);
    let long = "x".repeat(10_000);
    let listing = |listing: String| setup.hub.state().listing = Some((200, "", listing));
    for text in [
        format!(r#"{{"sha":"{long}","siblings":[]}}"#),
        format!(r#"{{"sha":"{COMMIT}","siblings":[{{"rfilename":"{long}.gguf"}}]}}"#),
        format!(r#"{{"sha":"{COMMIT}","siblings":[{{"rfilename":"{long}.bin"}}]}}"#),
    ] {
        listing(text);
        let message = setup.fails("a/b", &["xxx"]).to_string();
        assert!(message.len() < 1000, "{} bytes", message.len());
    }
    // Names with line breaks would forge lines of the message.
    listing(format!(r#"{{"sha":"{COMMIT}","siblings":[{{"rfilename":"a\nhint: run this.gguf"}}]}}"#));
    let message = setup.fails("a/b", &["no weights"]).to_string();
    assert!(!message.contains("run this"), "{message}");

    let setup = Setup::new(&[TINY]);
    setup.hub.state().etag = Some("../".repeat(10_000));
    let message = setup.fails("a/b", &["ETag"]).to_string();
    assert!(message.len() < 1000, "{} bytes", message.len());
}

#[test]
fn a_password_in_the_address_is_not_shown() {
    let mut setup = Setup::new(&[SOSEKI]);
    let plain = setup.hub.endpoint.clone();
    let secret = |address: &str| address.replace("://", "://me:pa55word@");
    setup.options.endpoint = secret(&plain);
    setup.fetch("a/b").unwrap();
    let (storage, hub): (Vec<_>, Vec<_>) =
        setup.hub.take_requests().into_iter().partition(|request| request.is_storage);
    assert!(hub.iter().all(|request| request.headers["authorization"] == "Basic bWU6cGE1NXdvcmQ="));
    assert!(storage.iter().all(|request| !request.headers.contains_key("authorization")));
    assert!(!format!("{:?}", setup.options).contains("pa55word"));
    std::fs::remove_dir_all(setup.repo()).unwrap();

    let no_secret = |setup: &Setup| {
        let error = setup.fetch("a/b").unwrap_err();
        let mut text = format!("{error:?}");
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            text += &format!("\n{error} {error:?}");
            cause = error.source();
        }
        assert!(!text.contains("pa55word"), "{text}");
    };
    for (status, code) in
        [(401, "GatedRepo"), (401, ""), (403, ""), (404, ""), (418, ""), (429, ""), (500, "")]
    {
        setup.hub.state().listing = Some((status, code, String::new()));
        no_secret(&setup);
    }
    for listing in ["", "{}", "\u{ff}", r#"{"sha":"x","siblings":[]}"#, &" ".repeat((16 << 20) + 1)] {
        setup.hub.state().listing = Some((200, "", listing.to_owned()));
        no_secret(&setup);
    }
    setup.hub.state().listing = None;
    for location in [
        "http://me:pa55word@127.0.0.1:1/x?pa55word",
        "ftp://me:pa55word@127.0.0.1:1",
        "//me:pa55word@127.0.0.1:1/",
        &secret(&format!("{plain}/a/b/resolve/{COMMIT}/{WEIGHTS}")),
    ] {
        setup.hub.state().location = Some(location.into());
        no_secret(&setup);
    }
    for endpoint in [
        "http://me:pa55word@127.0.0.1:1",
        "http://me:pa55word@",
        "ftp://me:pa55word@host",
        "me:pa55word@host",
        "http://me:pa55 word@host",
        "http://me:pa55word@host:port",
        "http://host?key=pa55word",
        "http://host/#pa55word",
    ] {
        setup.options.endpoint = endpoint.into();
        no_secret(&setup);
    }
}

#[test]
fn no_form_of_a_redirect_takes_the_token_along() {
    let mut setup = Setup::new(&[SOSEKI]);
    setup.options.token = Some(TOKEN.into());
    let storage = setup.hub.storage.clone();
    let host = storage.trim_start_matches("http://");
    for location in [
        format!("//{host}/x"),
        format!("/\\{host}/x"),
        format!("\\\\{host}/x"),
        format!("http:\\\\{host}/x"),
        format!("http:{host}/x"),
        format!("http:///{host}/x"),
        format!("http://{}@{host}/x", setup.hub.endpoint.trim_start_matches("http://")),
        format!("{}@{host}/x", setup.hub.endpoint),
    ] {
        setup.hub.state().location = Some(location.clone());
        setup.fetch("a/b").unwrap_err();
        for request in setup.hub.take_requests().iter().filter(|request| request.is_storage) {
            assert!(!format!("{request:?}").contains(TOKEN), "{location}: {request:?}");
        }
    }
}

/// Holds the lock of a blob as another program does.
fn hold_lock(setup: &Setup) -> std::fs::File {
    let (blob, _) = setup.blob(WEIGHTS);
    let locks = setup.cache.path().join(".locks/models--a--b");
    std::fs::create_dir_all(&locks).unwrap();
    let name = blob.file_name().unwrap().to_str().unwrap();
    let lock = std::fs::File::create(locks.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    lock
}

#[test]
fn a_lock_whose_holder_does_not_go_on_is_an_error() {
    let mut setup = Setup::new(&[SOSEKI]);
    setup.options.timeout = Duration::from_millis(100);
    let lock = hold_lock(&setup);
    let started = Instant::now();
    let error = setup.fails("a/b", &[WEIGHTS, "another program", ".lock locked", "no new bytes for 1 s"]);
    assert_eq!(error.exit_code(), 1);
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(lock);
    setup.fetch("a/b").unwrap();
}

#[test]
fn a_lock_whose_holder_goes_on_is_waited_for() {
    let mut setup = Setup::new(&[SOSEKI]);
    setup.options.timeout = Duration::from_millis(100);
    let lock = hold_lock(&setup);
    let (blob, incomplete) = setup.blob(WEIGHTS);
    std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
    let bytes = setup.hub.state().files[WEIGHTS].clone();
    let path = std::thread::scope(|scope| {
        scope.spawn(|| {
            for part in 1..=8 {
                std::fs::write(&incomplete, &bytes[..bytes.len() / 8 * part]).unwrap();
                std::thread::sleep(Duration::from_millis(300));
            }
            std::fs::write(&incomplete, &bytes).unwrap();
            std::fs::rename(&incomplete, &blob).unwrap();
            drop(lock);
        });
        setup.fetch("a/b").unwrap()
    });
    same_file(&path.join(WEIGHTS), SOSEKI);
    assert_eq!(setup.hub.take_bytes(), 0);
    ModelFiles::open(&path).unwrap();
}

#[test]
fn a_server_that_says_nothing_has_an_end() {
    // The server accepts connections, and does not answer.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let cache = tempfile::tempdir().unwrap();
    let timeout = Duration::from_millis(300);
    let options = Options { endpoint, timeout, ..Options::new(cache.path()) };
    let started = Instant::now();
    let error = fetch("a/b", &options).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert!(started.elapsed() < Duration::from_secs(5));
}
