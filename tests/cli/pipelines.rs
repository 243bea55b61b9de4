//! Tests the cache of compiled pipelines between runs.

use std::fs;
use std::path::Path;

use crate::{finish, has_adapter, program};

/// Runs the program on the first adapter, and returns its output and its messages.
fn generate(cache: &Path) -> (String, String) {
    let ran = finish(
        program()
            .args(["generate", "吾輩は", "--max-new-tokens", "4", "--temperature", "0", "--device", "0"])
            .env("XDG_CACHE_HOME", cache),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    (ran.stdout, ran.stderr)
}

/// Whether the first adapter has a driver that hands pipelines out.
fn has_vulkan() -> bool {
    has_adapter() && pollster::block_on(sukashi::gpu::adapters())[0].info.backend == "vulkan"
}

#[test]
fn pipelines_are_kept_and_a_damaged_file_is_replaced() {
    if !has_vulkan() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let (text, _) = generate(cache.path());
    let file = || {
        let files = fs::read_dir(cache.path().join("sukashi/pipelines")).unwrap();
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        assert_eq!(paths.len(), 1, "{paths:?}");
        paths.remove(0)
    };
    let kept = fs::read(file()).unwrap();
    assert_eq!(generate(cache.path()).0, text, "with what was kept");

    let mut damaged = kept.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for content in [&damaged[..], &kept[..40], b"no pipelines"] {
        fs::write(file(), content).unwrap();
        let (again, said) = generate(cache.path());
        assert_eq!(again, text);
        assert!(said.contains("damaged"), "{said}");
        assert_eq!(fs::read(file()).unwrap().len(), kept.len(), "written anew");
    }
}
