//! A file that is being downloaded: its bytes so far, and what they hash to.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::cache::{Repo, failed};
use crate::{Error, ErrorKind, Result};

const BUFFER_BYTES: usize = 64 << 10;

/// `ETAG.incomplete`. It stays when a download ends early, and the next one goes on behind its last byte.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    /// In bytes.
    pub len: u64,
    etag: String,
    size: Option<u64>,
    hash: Hash,
}

/// The hub names files by what they hash to: large ones by their SHA-256, others as git does.
enum Hash {
    Sha256(Sha256),
    Git(Sha1),
    /// A server with names of its own.
    Unknown,
}

impl Hash {
    fn new(etag: &str, size: Option<u64>) -> Self {
        let is_hex = etag.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (etag.len(), size) {
            (64, _) if is_hex => Self::Sha256(Sha256::new()),
            (40, Some(size)) if is_hex => Self::Git(Sha1::new_with_prefix(format!("blob {size}\0"))),
            _ => Self::Unknown,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Git(hash) => hash.update(bytes),
            Self::Unknown => {}
        }
    }

    /// In hexadecimal; `None` where nothing is known to compare it with.
    fn finish(self) -> Option<String> {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sha256(hash) => Some(hex(&hash.finalize())),
            Self::Git(hash) => Some(hex(&hash.finalize())),
            Self::Unknown => None,
        }
    }
}

impl Partial {
    /// Opens what is there, or starts anew. `size` is the announced one, in bytes; no more than `max_bytes` can be right.
    pub fn open(repo: &Repo, etag: &str, size: Option<u64>, max_bytes: u64) -> Result<Self> {
        let (path, file) = repo.open_incomplete(etag)?;
        let len = file.metadata().map_err(|cause| failed(&path, cause))?.len();
        let hash = Hash::new(etag, size);
        let mut partial = Self { path, file, len, etag: etag.to_owned(), size, hash };
        match len > max_bytes {
            true => partial.clear()?,
            false => partial.read_back()?,
        }
        Ok(partial)
    }

    /// Hashes what an earlier download left.
    fn read_back(&mut self) -> Result<()> {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut done = 0;
        while done < self.len {
            let step = (self.len - done).min(BUFFER_BYTES as u64) as usize;
            let read = self.file.read_exact(&mut buffer[..step]);
            read.map_err(|cause| Error::file("read", &self.path, cause))?;
            self.hash.update(&buffer[..step]);
            done += step as u64;
        }
        Ok(())
    }

    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|cause| self.not_stored(cause))?;
        self.hash.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Forgets all bytes.
    pub fn clear(&mut self) -> Result<()> {
        let cleared = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        cleared.map_err(|cause| failed(&self.path, cause))?;
        self.hash = Hash::new(&self.etag, self.size);
        self.len = 0;
        Ok(())
    }

    /// Whether all announced bytes are there.
    pub fn is_whole(&self) -> bool {
        self.size == Some(self.len)
    }

    /// Gives the file its name in the cache if it is what was announced; otherwise removes it, and gives the hash that
    /// was found.
    pub fn finish(self, blob: &std::path::Path) -> Result<Result<(), String>> {
        let Self { path, file, hash, etag, .. } = self;
        if let Some(found) = hash.finish().filter(|found| !found.eq_ignore_ascii_case(&etag)) {
            drop(file);
            fs::remove_file(&path).map_err(|cause| failed(&path, cause))?;
            return Ok(Err(found));
        }
        // A name that survives a power cut must not stand for bytes that did not.
        file.sync_all().map_err(|cause| failed(&path, cause))?;
        drop(file);
        fs::rename(&path, blob).map_err(|cause| failed(blob, cause))?;
        Ok(Ok(()))
    }

    fn not_stored(&self, cause: io::Error) -> Error {
        use io::ErrorKind as Io;
        if !matches!(cause.kind(), Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge) {
            return failed(&self.path, cause);
        }
        let size = self.size.map_or("all".to_owned(), |size| size.to_string());
        Error::new(ErrorKind::Io, format!("cannot store {}: the disk is full", self.path.display()))
            .detail(format!("found room for {} of {size} bytes", self.len))
            .hint("make room, and the download goes on from there; or HF_HUB_CACHE names a folder on another disk")
            .caused_by(cause)
    }
}
