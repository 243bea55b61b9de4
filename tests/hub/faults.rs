//! Servers that break their announcements, and full disks. The cache never has an incomplete file under its final name.

use crate::server::COMMIT;
use crate::{SHARDED, SOSEKI, Setup, TINY, same_file};

const WEIGHTS: &str = "model.safetensors";

/// Asserts that the cache has neither the weights nor a name for the snapshot.
#[track_caller]
fn nothing_whole(setup: &Setup) {
    assert!(!setup.blob(WEIGHTS).0.exists());
    assert!(!setup.repo().join("refs/main").exists());
    assert!(!setup.repo().join("snapshots").join(COMMIT).join(WEIGHTS).exists());
}

#[test]
fn bytes_that_are_not_those_announced() {
    let setup = Setup::new(&[SOSEKI]);
    setup.hub.state().changes_bytes = true;
    let error = setup.fails("a/b", &[WEIGHTS, "do not match the announced hash", "found hash", "expected"]);
    assert_eq!(error.exit_code(), 1);
    nothing_whole(&setup);
    assert!(!setup.blob(WEIGHTS).1.exists(), "nothing to go on with");

    setup.hub.state().changes_bytes = false;
    let path = setup.fetch("a/b").unwrap();
    same_file(&path.join(WEIGHTS), SOSEKI);
}

#[test]
fn small_files_are_checked_too() {
    let setup = Setup::new(&[TINY]);
    let hash = "00112233445566778899aabbccddeeff00112233";
    setup.hub.state().etag = Some(hash.into());
    setup.fails("a/b", &["config.json", "do not match the announced hash", hash]);
    assert!(setup.names("blobs").is_empty());
}

#[test]
fn sizes_that_are_not_those_announced() {
    let setup = Setup::new(&[SOSEKI]);
    let size = setup.hub.state().files[WEIGHTS].len();
    for more in [-1, 1, 1 << 50] {
        setup.hub.state().announced_more = more;
        let announced = (size as i64 + more).to_string();
        setup.fails("a/b", &[WEIGHTS, "size differs from the announced size", &size.to_string(), &announced]);
        nothing_whole(&setup);
    }
}

#[test]
fn less_and_more_than_announced() {
    let setup = Setup::new(&[SOSEKI]);
    let bytes = setup.hub.state().files[WEIGHTS].clone();
    setup.hub.state().sends = Some(bytes[..50_000].into());
    setup.fails("a/b", &[WEIGHTS, "fewer bytes than announced", "found 50000 bytes"]);
    nothing_whole(&setup);
    setup.hub.state().sends = Some([bytes, vec![0]].concat());
    setup.fails("a/b", &[WEIGHTS, "more bytes than announced"]);
    nothing_whole(&setup);
    setup.hub.state().sends = None;
    same_file(&setup.fetch("a/b").unwrap().join(WEIGHTS), SOSEKI);
}

#[test]
fn a_blob_of_another_length_is_downloaded_again() {
    let setup = Setup::new(&[SOSEKI]);
    let path = setup.fetch("a/b").unwrap();
    let (blob, _) = setup.blob(WEIGHTS);
    std::fs::write(&blob, b"half").unwrap();
    std::fs::remove_file(path.join(WEIGHTS)).unwrap();
    setup.fetch("a/b").unwrap();
    same_file(&path.join(WEIGHTS), SOSEKI);

    // A link without a target.
    std::fs::remove_file(&blob).unwrap();
    setup.fetch("a/b").unwrap();
    same_file(&path.join(WEIGHTS), SOSEKI);
}

#[test]
fn a_cache_that_cannot_be_made() {
    let mut setup = Setup::new(&[TINY]);
    let file = setup.cache.path().join("file");
    std::fs::write(&file, "").unwrap();
    setup.options.cache = file.join("cache");
    let error = setup.fails("a/b", &["cache of models", "file", "HF_HUB_CACHE"]);
    assert_eq!(error.exit_code(), 1);
}

#[test]
fn names_that_would_leave_the_cache() {
    let setup = Setup::new(&[SHARDED]);
    let index = "model.safetensors.index.json";
    for name in ["../evil.safetensors", "/evil.safetensors", "sub/evil.safetensors", "..", ""] {
        let text = format!(r#"{{"weight_map":{{"a":"{name}"}}}}"#);
        setup.hub.state().files.insert(index.into(), text.into());
        setup.fails("a/b", &["outside its folder", &format!("{name:?}")]);
        std::fs::remove_dir_all(setup.repo()).unwrap();
    }
    let text = r#"{"weight_map":{"a":"model-9.safetensors"}}"#;
    setup.hub.state().files.insert(index.into(), text.into());
    setup.fails("a/b", &["no file model-9.safetensors", "index.json lists it"]);

    for etag in ["../x", "..", "a/b", "", "a b", &"a".repeat(300)] {
        let setup = Setup::new(&[TINY]);
        setup.hub.state().etag = Some(etag.into());
        setup.fails("a/b", &["ETag is not a hash"]);
        assert!(!setup.repo().exists());
    }
    for sha in ["..", "", "../../x", "0123"] {
        let listing = format!(r#"{{"sha":"{sha}","siblings":[]}}"#);
        setup.hub.state().listing = Some((200, "", listing));
        setup.fails("a/b", &["sha is not a commit", "40 hexadecimal"]);
    }
}

#[test]
fn redirects_that_lead_nowhere() {
    let setup = Setup::new(&[SOSEKI]);
    let endpoint = setup.hub.endpoint.clone();
    let same = format!("{endpoint}/a/b/resolve/{COMMIT}/{WEIGHTS}");
    for (location, parts) in [
        (same.as_str(), &["more than 10 redirects"][..]),
        ("ftp://127.0.0.1/x", &["not an http address"]),
        ("file:///etc/passwd", &["not an http address"]),
        (
            "http://127.0.0.1:1/x?signature=abc",
            &["cannot reach http://127.0.0.1:1/x", "redirected to it", &endpoint],
        ),
    ] {
        setup.hub.state().location = Some(location.into());
        let error = setup.fails("a/b", parts);
        assert!(!error.to_string().contains("signature"), "{error}");
        nothing_whole(&setup);
    }
}

#[test]
fn lists_that_are_none() {
    let setup = Setup::new(&[TINY]);
    for listing in ["", "<html>welcome</html>", "{}", "[]", r#"{"sha":1,"siblings":[]}"#, &"[".repeat(10_000)]
    {
        setup.hub.state().listing = Some((200, "", listing.to_owned()));
        setup.fails("a/b", &["cannot read http://127.0.0.1", "HF_ENDPOINT"]);
    }
    setup.hub.state().listing = Some((200, "", " ".repeat((16 << 20) + 1)));
    setup.fails("a/b", &["cannot read the list of files"]);
}
