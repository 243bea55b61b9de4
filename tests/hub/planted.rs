//! Links and special files that somebody put into the cache. A download writes nothing outside the cache.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::server::COMMIT;
use crate::{SOSEKI, Setup, same_file};

const WEIGHTS: &str = "model.safetensors";

/// A hub with a model, its cache, and a folder outside the cache.
struct Planted {
    setup: Setup,
    outside: TempDir,
}

impl Planted {
    fn new() -> Self {
        let planted = Self { setup: Setup::new(&[SOSEKI]), outside: tempfile::tempdir().unwrap() };
        std::fs::write(planted.victim(), "mine").unwrap();
        planted
    }

    fn victim(&self) -> PathBuf {
        self.outside.path().join("victim")
    }

    /// Returns a path in the cache, and creates its folder.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.setup.cache.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    #[track_caller]
    fn nothing_outside(&self) {
        assert_eq!(std::fs::read_to_string(self.victim()).unwrap(), "mine");
        let names = Vec::from_iter(self.outside.path().read_dir().unwrap().map(|e| e.unwrap().file_name()));
        assert_eq!(names, ["victim"]);
    }

    #[track_caller]
    fn downloads(&self) {
        let path = self.setup.fetch("a/b").unwrap();
        same_file(&path.join(WEIGHTS), SOSEKI);
        self.nothing_outside();
    }

    #[track_caller]
    fn is_refused(&self, link: &Path) {
        let [link, outside] = [link, self.outside.path()].map(|path| path.display().to_string());
        let error = self.setup.fails("a/b", &[&link, "found a link to", &outside, "out of the cache"]);
        assert_eq!(error.exit_code(), 1);
        self.nothing_outside();
    }
}

#[test]
fn a_link_in_the_place_of_bytes_that_came() {
    for target in ["victim", "not-there"] {
        let planted = Planted::new();
        let (_, incomplete) = planted.setup.blob(WEIGHTS);
        symlink(planted.outside.path().join(target), planted.at(&incomplete)).unwrap();
        planted.downloads();
        assert!(!incomplete.exists());
    }
    // A hard link is the same file under another name.
    let planted = Planted::new();
    let (_, incomplete) = planted.setup.blob(WEIGHTS);
    std::fs::hard_link(planted.victim(), planted.at(&incomplete)).unwrap();
    planted.downloads();
}

#[test]
fn what_is_no_file_in_the_place_of_bytes_that_came() {
    let planted = Planted::new();
    let (_, incomplete) = planted.setup.blob(WEIGHTS);
    assert!(Command::new("mkfifo").arg(planted.at(&incomplete)).status().unwrap().success());
    planted.downloads();

    let planted = Planted::new();
    let (_, incomplete) = planted.setup.blob(WEIGHTS);
    std::fs::create_dir_all(&incomplete).unwrap();
    let error = planted.setup.fails("a/b", &["incomplete", "found a folder, expected a file"]);
    assert_eq!(error.exit_code(), 1);
}

#[test]
fn a_link_in_the_place_of_a_whole_file() {
    let planted = Planted::new();
    let (blob, _) = planted.setup.blob(WEIGHTS);
    symlink(planted.victim(), planted.at(&blob)).unwrap();
    planted.downloads();
    let snapshot = planted.setup.repo().join("snapshots").join(COMMIT);

    let planted_again = Planted::new();
    let link = planted_again.at(format!("models--a--b/snapshots/{COMMIT}/{WEIGHTS}"));
    symlink(planted_again.outside.path().join("not-there"), &link).unwrap();
    planted_again.downloads();
    assert!(std::fs::read_link(snapshot.join(WEIGHTS)).unwrap().starts_with("../../blobs"));
}

#[test]
fn links_in_the_place_of_folders() {
    let commit = format!("models--a--b/snapshots/{COMMIT}");
    for folder in [
        "models--a--b",
        "models--a--b/blobs",
        "models--a--b/snapshots",
        &commit,
        ".locks",
        ".locks/models--a--b",
    ] {
        let planted = Planted::new();
        let link = planted.at(folder);
        symlink(planted.outside.path(), &link).unwrap();
        planted.is_refused(&link);
    }
    // The link takes the place of a folder in which no file is written.
    let planted = Planted::new();
    let link = planted.at("models--a--b/refs");
    symlink(planted.outside.path(), &link).unwrap();
    planted.is_refused(&link);
}

#[test]
fn a_link_in_the_place_of_a_branch() {
    for target in ["victim", "not-there"] {
        let planted = Planted::new();
        let link = planted.at("models--a--b/refs/main");
        symlink(planted.outside.path().join(target), &link).unwrap();
        planted.downloads();
        assert_eq!(std::fs::read_to_string(&link).unwrap(), COMMIT);
        assert!(link.symlink_metadata().unwrap().is_file());
    }
    // A reference outside the cache does not count, and a file without an end is not read.
    let mut planted = Planted::new();
    planted.downloads();
    planted.setup.options.offline = true;
    let link = planted.setup.repo().join("refs/main");
    for target in ["/dev/zero", "/dev/stdin"] {
        std::fs::remove_file(&link).unwrap();
        symlink(target, &link).unwrap();
        planted.setup.fails("a/b", &["revision main"]);
    }
}

#[test]
fn a_link_in_the_place_of_a_lock() {
    let planted = Planted::new();
    let (blob, _) = planted.setup.blob(WEIGHTS);
    let name = blob.file_name().unwrap().to_str().unwrap();
    let lock = planted.at(format!(".locks/models--a--b/{name}.lock"));
    symlink(planted.outside.path().join("not-there"), &lock).unwrap();
    planted.downloads();
    assert!(lock.symlink_metadata().unwrap().is_file());
}

#[test]
fn the_cache_itself_may_be_a_link() {
    let mut planted = Planted::new();
    let link = planted.outside.path().join("cache");
    symlink(planted.setup.cache.path(), &link).unwrap();
    planted.setup.options.cache = link.clone();
    let path = planted.setup.fetch("a/b").unwrap();
    assert!(path.starts_with(&link));
    same_file(&path.join(WEIGHTS), SOSEKI);
}
