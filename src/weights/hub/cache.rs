//! The cache that Hugging Face's own tools share: `models--OWNER--NAME/{refs,blobs,snapshots}`.
//!
//! `blobs/ETAG` are the files' bytes, `snapshots/COMMIT/PATH` links to them, and `refs/REVISION` is the commit that a
//! branch or a tag stood for when it was last asked for. A blob gets its name when it is whole; until then it is
//! `ETAG.incomplete`, which a later download goes on with.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::background::Reporter;
use super::id::{ModelId, is_commit};
use crate::weights::safetensors::{INDEX, SINGLE};
use crate::weights::shards;
use crate::{Error, ErrorKind, Result};

/// Between two looks at a lock that another program holds.
const LOCK_WAIT: Duration = Duration::from_millis(100);

/// One repository's part of the cache.
pub(super) struct Repo {
    root: PathBuf,
    locks: PathBuf,
}

impl Repo {
    pub fn new(cache: &Path, id: &ModelId) -> Self {
        Self { root: cache.join(id.cache_folder()), locks: cache.join(".locks").join(id.cache_folder()) }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn blob(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(etag)
    }

    pub fn incomplete(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(format!("{etag}.incomplete"))
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    /// The model as [`super::fetch`] gives it, if all that it needs is here; otherwise what is missing.
    pub fn find(&self, id: &ModelId) -> Result<PathBuf, String> {
        let revision = id.revision();
        let commit = self.commit(revision).ok_or_else(|| format!("revision {revision}"))?;
        let snapshot = self.snapshot(&commit);
        let needs = |name: &str| match snapshot.join(name).is_file() {
            true => Ok(()),
            false => Err(name.to_owned()),
        };
        if let Some(file) = id.file() {
            needs(file)?;
            return Ok(snapshot.join(file));
        }
        needs("config.json")?;
        if needs(SINGLE).is_err() {
            needs(INDEX).map_err(|_| SINGLE.to_owned())?;
            // What is wrong with an index is better told by whoever opens the model.
            for (_, shard) in shards::read_index(&snapshot.join(INDEX)).unwrap_or_default() {
                needs(&shard)?;
            }
        }
        Ok(snapshot)
    }

    /// The commit that a revision stands for, as far as is known here.
    fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let commit = fs::read_to_string(self.reference(revision)).ok()?;
        let commit = commit.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.root.join("refs").join(revision)
    }

    /// Notes what a branch or a tag stands for.
    pub fn set_commit(&self, revision: &str, commit: &str) -> Result<()> {
        if is_commit(revision) || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.reference(revision);
        create_parent(&path)?;
        crate::output::write_atomically(&path, commit.as_bytes(), true)
    }

    /// Makes `path` of a snapshot a link to a blob.
    pub fn link(&self, commit: &str, path: &str, etag: &str) -> Result<()> {
        let link = self.snapshot(commit).join(path);
        create_parent(&link)?;
        // From the link's folder up to the repository's, which are two more than the path has folders.
        let up = "../".repeat(path.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        // Made beside it and renamed, so that there never is no file where one was.
        let folder = link.parent().unwrap_or(&link);
        let made = tempfile::Builder::new()
            .prefix(".sukashi-")
            .make_in(folder, |new| make_link(&target, &self.blob(etag), new));
        let made = made.map_err(|cause| failed(&link, cause))?;
        made.into_temp_path().persist(&link).map_err(|cause| failed(&link, cause.error))
    }

    /// Waits until no other program downloads this blob, and keeps others waiting until the lock is dropped.
    pub fn lock(&self, etag: &str, reporter: &Reporter) -> Result<File> {
        let path = self.locks.join(format!("{etag}.lock"));
        create_parent(&path)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|cause| failed(&path, cause))?;
        loop {
            reporter.check()?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
                // Some network file systems have no locks; two downloads at once are rare, and hashes are checked.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(file),
            }
        }
    }
}

#[cfg(unix)]
fn make_link(target: &Path, _blob: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Links need a permission on Windows that few have; as Hugging Face's tools do, the file is copied then.
#[cfg(not(unix))]
fn make_link(_target: &Path, blob: &Path, link: &Path) -> io::Result<()> {
    fs::hard_link(blob, link).or_else(|_| fs::copy(blob, link).map(drop))
}

/// Creates the folder that `path` lies in.
pub(super) fn create_parent(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|cause| failed(folder, cause))
}

/// A cache that cannot be written to is no bad input, but the machine's state.
pub(super) fn failed(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write {} in the cache of models", path.display()))
        .hint("HF_HUB_CACHE names another folder for the cache")
        .caused_by(cause)
}
