//! Tests downloads from a hub of the tests' own. No request leaves 127.0.0.1.

#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attacks;
mod faults;
mod fetch;
#[path = "../gguf/mod.rs"]
mod gguf;
#[cfg(unix)]
mod planted;
mod refusals;
mod resume;
mod server;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use server::Hub;
use sukashi::weights::hub::{self, Options};
use sukashi::{Error, Result};
use tempfile::TempDir;

const TINY: &str = "tests/goldens/gpt2-tiny";
const SHARDED: &str = "tests/goldens/gpt2-sharded";
const SOSEKI: &str = "assets/soseki-mini";

/// A hub and an empty cache for it.
struct Setup {
    hub: Hub,
    cache: TempDir,
    options: Options,
}

impl Setup {
    /// Makes a hub with the repository `a/b`, which has the files of these folders.
    fn new(folders: &[&str]) -> Self {
        let hub = Hub::new("a/b", folders);
        let cache = tempfile::tempdir().unwrap();
        let options = Options { endpoint: hub.endpoint.clone(), ..Options::new(cache.path()) };
        Self { hub, cache, options }
    }

    fn fetch(&self, id: &str) -> Result<PathBuf> {
        fetch(id, &self.options)
    }

    #[track_caller]
    fn fails(&self, id: &str, parts: &[&str]) -> Error {
        let error = self.fetch(id).expect_err("was downloaded");
        let message = error.to_string();
        for part in parts {
            assert!(message.contains(part), "no {part:?} in: {message}");
        }
        assert!(!message.contains(server::TOKEN), "{message}");
        error
    }

    fn repo(&self) -> PathBuf {
        self.cache.path().join("models--a--b")
    }

    /// The names of the files below a folder of the repository in the cache.
    fn names(&self, folder: &str) -> BTreeSet<String> {
        let Ok(entries) = std::fs::read_dir(self.repo().join(folder)) else { return BTreeSet::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The path of a file's blob, and its path before the download is complete.
    fn blob(&self, path: &str) -> (PathBuf, PathBuf) {
        let name = server::etag(path, &self.hub.state().files[path]);
        let blobs = self.repo().join("blobs");
        (blobs.join(&name), blobs.join(format!("{name}.incomplete")))
    }
}

fn fetch(id: &str, options: &Options) -> Result<PathBuf> {
    pollster::block_on(hub::fetch(&id.parse()?, options, &mut |_| {}))
}

fn same_file(path: &Path, folder: &str) {
    let name = path.file_name().unwrap();
    let expected = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name)).unwrap();
    assert!(std::fs::read(path).unwrap() == expected, "{} differs", path.display());
}
