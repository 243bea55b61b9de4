//! An unfinished download: its bytes so far, and their hash.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::cache::{Repo, failed};
use crate::{Error, ErrorKind, Result};

const BUFFER_BYTES: usize = 64 << 10;

/// The file `ETAG.incomplete`. It stays if a download ends early, and the next one resumes after its last
/// byte.
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    /// The bytes so far.
    pub len: u64,
    etag: String,
    size: Option<u64>,
    hash: Hash,
}

/// The hub's ETags are hashes: SHA-256 for large files, and Git's for others.
enum Hash {
    Sha256(Sha256),
    Git(Sha1),
    /// The ETag is not a known hash.
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

    /// The hash in hexadecimal; `None` if the ETag is not a known hash.
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
    /// Opens an unfinished download, or starts one. `size` is the announced size in bytes. A file with more
    /// than `max_bytes` starts over.
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

    /// Hashes the bytes of an earlier download.
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

    /// Discards all bytes.
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

    /// Moves the file to its name in the cache if its hash matches. Otherwise removes it and returns the hash
    /// that was found.
    pub fn finish(self, blob: &std::path::Path) -> Result<Result<(), String>> {
        let Self { path, file, hash, etag, .. } = self;
        if let Some(found) = hash.finish().filter(|found| !found.eq_ignore_ascii_case(&etag)) {
            drop(file);
            fs::remove_file(&path).map_err(|cause| failed(&path, cause))?;
            return Ok(Err(found));
        }
        // After a power cut, a complete name must not belong to incomplete bytes.
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
            .hint("free some space, and the download resumes from there; or set HF_HUB_CACHE to a folder on another disk")
            .caused_by(cause)
    }
}
