//! The cache that Hugging Face's own tools use: `models--OWNER--NAME/{refs,blobs,snapshots}`.
//!
//! `blobs/ETAG` contains a file's bytes, and `snapshots/COMMIT/PATH` links to it. `refs/REVISION` contains
//! the commit that a branch or a tag stood for at the last request. An unfinished blob is named
//! `ETAG.incomplete`. A later download resumes it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::background::Reporter;
use super::id::{ModelId, is_commit};
use super::inside;
use crate::weights::safetensors::{INDEX, SINGLE};
use crate::weights::shards;
use crate::{Error, ErrorKind, Result};

/// The pause between two attempts to take a lock.
const LOCK_WAIT: Duration = Duration::from_millis(100);
/// A commit and possibly a line end.
const MAX_REFERENCE_BYTES: u64 = 64;

/// The cache of one repository.
pub(super) struct Repo {
    cache: PathBuf,
    /// The name of its folder.
    name: String,
    root: PathBuf,
}

impl Repo {
    pub fn new(cache: &Path, id: &ModelId) -> Self {
        let name = id.cache_folder();
        Self { cache: cache.to_owned(), root: cache.join(&name), name }
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

    /// The model's path as [`super::fetch`] returns it, if the cache is complete; otherwise the name of what
    /// is missing.
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
            // An invalid index is ignored here, because opening the model reports it better.
            for (_, shard) in shards::read_index(&snapshot.join(INDEX)).unwrap_or_default() {
                needs(&shard)?;
            }
        }
        Ok(snapshot)
    }

    /// The commit that a revision stands for, if the cache knows it.
    fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let commit = inside::read(&self.reference(revision), MAX_REFERENCE_BYTES)?;
        let commit = commit.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    fn reference(&self, revision: &str) -> PathBuf {
        self.root.join("refs").join(revision)
    }

    /// Stores the commit that a branch or a tag stands for.
    pub fn set_commit(&self, revision: &str, commit: &str) -> Result<()> {
        if is_commit(revision) || self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let (folder, name) = self.create_parent(Path::new("refs"), revision)?;
        inside::write(&folder, name, commit.as_bytes())
    }

    /// Creates the parent folder of `path`, which is separated by `/`, below `folder` in the repository.
    /// Returns the parent and the last name.
    fn create_parent<'a>(&self, folder: &Path, path: &'a str) -> Result<(PathBuf, &'a str)> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let relative = Path::new(&self.name).join(folder).join(parent);
        Ok((inside::create_folders(&self.cache, &relative)?, name))
    }

    /// Opens an unfinished blob, or creates it.
    pub fn open_incomplete(&self, etag: &str) -> Result<(PathBuf, File)> {
        let (folder, _) = self.create_parent(Path::new("blobs"), etag)?;
        let path = folder.join(format!("{etag}.incomplete"));
        let file = inside::open_file(&path)?;
        Ok((path, file))
    }

    /// Makes `path` in a snapshot a link to a blob.
    pub fn link(&self, commit: &str, path: &str, etag: &str) -> Result<()> {
        let (folder, name) = self.create_parent(&Path::new("snapshots").join(commit), path)?;
        let link = folder.join(name);
        // Goes up from the link's folder to the repository's. That is two levels more than the path has
        // folders.
        let up = "../".repeat(path.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        // The link is created under another name and then renamed, so that an existing file never disappears.
        let made = tempfile::Builder::new()
            .prefix(".sukashi-")
            .make_in(&folder, |new| make_link(&target, &self.blob(etag), new));
        let made = made.map_err(|cause| failed(&link, cause))?;
        made.into_temp_path().persist(&link).map_err(|cause| failed(&link, cause.error))
    }

    /// Locks the blob of `file` against other programs until the returned file is dropped.
    ///
    /// # Errors
    ///
    /// If another program holds the lock and its download has not grown for `patience`.
    pub fn lock(&self, etag: &str, file: &str, patience: Duration, reporter: &Reporter) -> Result<File> {
        let folder = inside::create_folders(&self.cache, &Path::new(".locks").join(&self.name))?;
        let path = folder.join(format!("{etag}.lock"));
        let lock = inside::open_file(&path)?;
        let done_bytes = || self.incomplete(etag).symlink_metadata().map_or(0, |metadata| metadata.len());
        let mut waiting: Option<(Instant, u64)> = None;
        loop {
            reporter.check()?;
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) => {}
                // Some network file systems have no locks. Simultaneous downloads are rare, and hashes are
                // checked.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(lock),
            }
            match waiting {
                None => {
                    tracing::warn!(
                        "waiting for another program that downloads {file} of {} ({} is locked)",
                        self.root.display(),
                        path.display()
                    );
                    waiting = Some((Instant::now(), done_bytes()));
                }
                Some((_, before)) if done_bytes() != before => waiting = Some((Instant::now(), done_bytes())),
                Some((since, _)) if since.elapsed() >= patience => {
                    return Err(Error::new(
                        ErrorKind::Io,
                        format!(
                            "cannot download {file}: another program is downloading it, but makes no progress"
                        ),
                    )
                    .detail(format!(
                        "found {} locked, and no new bytes for {} s",
                        path.display(),
                        patience.as_secs()
                    ))
                    .hint("end that program; this download then resumes from its bytes"));
                }
                Some(_) => {}
            }
            std::thread::sleep(LOCK_WAIT);
        }
    }
}

#[cfg(unix)]
fn make_link(target: &Path, _blob: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Symbolic links on Windows need a permission that few users have. The file is linked hard or copied
/// instead.
#[cfg(not(unix))]
fn make_link(_target: &Path, blob: &Path, link: &Path) -> io::Result<()> {
    std::fs::hard_link(blob, link).or_else(|_| std::fs::copy(blob, link).map(drop))
}

/// An error for a cache that cannot be written to.
pub(super) fn failed(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write {} in the cache of models", path.display()))
        .hint("HF_HUB_CACHE names another folder for the cache")
        .caused_by(cause)
}
