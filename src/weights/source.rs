//! Random access to the bytes of a file, of a buffer in memory, or of a source that a program brings along.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::arriving::Arriving;
use crate::{Error, ErrorKind, Result, file};

/// A file, a buffer in memory, or a source of a program. Cloning shares it.
///
/// Files are read, not mapped: a mapped file that shrinks while it is in use would kill the process.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Its name in error messages.
    pub label: String,
    /// The length in bytes when it was opened.
    pub len: u64,
    data: Data,
}

#[derive(Debug, Clone)]
enum Data {
    Memory(Arc<Cow<'static, [u8]>>),
    File(Arc<Mutex<File>>),
    Arriving(Arriving),
}

impl Source {
    /// Opens the regular file at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |error| Error::file("open", path, error);
        // Opening a named pipe would wait for a writer.
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(Error::input(format!("cannot read {}: it is not a regular file", path.display())));
        }
        let file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let source =
            Self { label: path.display().to_string(), len, data: Data::File(Arc::new(Mutex::new(file))) };
        source.check_content()?;
        Ok(source)
    }

    /// Refuses a Git LFS pointer.
    fn check_content(&self) -> Result<()> {
        let Some(len) = usize::try_from(self.len).ok().filter(|len| *len <= file::MAX_POINTER_BYTES) else {
            return Ok(());
        };
        let mut bytes = vec![0; len];
        self.read_at(0, &mut bytes)?;
        file::check_no_pointer(&self.label, &bytes)
    }

    /// A file whose bytes are in memory; error messages call it `label`.
    pub fn from_bytes(label: impl Into<String>, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let bytes = bytes.into();
        Self { label: label.into(), len: bytes.len() as u64, data: Data::Memory(Arc::new(bytes)) }
    }

    /// A source of a program; error messages call it `label`.
    pub fn arriving(label: &str, arriving: Arriving) -> Self {
        Self { label: label.to_owned(), len: arriving.bytes.len(), data: Data::Arriving(arriving) }
    }

    /// The source of a program.
    pub fn as_arriving(&self) -> Option<&Arriving> {
        match &self.data {
            Data::Arriving(arriving) => Some(arriving),
            Data::Memory(_) | Data::File(_) => None,
        }
    }

    /// Fills `buffer` as [`Source::read_at`] does, and waits for bytes that arrive later.
    pub async fn fetch_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let Data::Arriving(arriving) = &self.data else { return self.read_at(offset, buffer) };
        let num_bytes = buffer.len();
        arriving.bytes.read_at(offset, buffer).await.map_err(|error| self.failed(offset, num_bytes, error))
    }

    /// Fills `buffer` as [`Source::read_vec`] does, and waits for bytes that arrive later.
    pub async fn fetch_vec(&self, offset: u64, num_bytes: u64, buffer: &mut Vec<u8>) -> Result<()> {
        self.resize(num_bytes, buffer)?;
        self.fetch_at(offset, buffer).await
    }

    /// Fills `buffer` completely with the bytes from `offset` on. Of a program's source, this reads only parts of a
    /// header that have arrived.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        match &self.data {
            Data::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let range = start..start.saturating_add(buffer.len());
                let bytes = bytes.get(range).ok_or_else(|| self.too_short(offset, buffer.len()))?;
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            Data::File(file) => {
                // Each read seeks first, so a failed read does not affect the next one.
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let done = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer));
                done.map_err(|error| self.failed(offset, buffer.len(), error))
            }
            Data::Arriving(arriving) => match arriving.copy(offset, buffer) {
                true => Ok(()),
                false => {
                    Err(Error::new(ErrorKind::Io, format!("part of {} has not arrived yet", self.label)))
                }
            },
        }
    }

    /// Resizes `buffer` to `num_bytes` and fills it with the bytes from `offset` on.
    ///
    /// The caller must have checked `num_bytes` against [`Self::len`].
    pub fn read_vec(&self, offset: u64, num_bytes: u64, buffer: &mut Vec<u8>) -> Result<()> {
        self.resize(num_bytes, buffer)?;
        self.read_at(offset, buffer)
    }

    fn resize(&self, num_bytes: u64, buffer: &mut Vec<u8>) -> Result<()> {
        buffer.clear();
        let out_of_memory = || {
            let message = format!("cannot read {}: {num_bytes} bytes do not fit into memory", self.label);
            Error::new(ErrorKind::OutOfMemory, message)
        };
        let num_bytes = usize::try_from(num_bytes).map_err(|_| out_of_memory())?;
        buffer.try_reserve_exact(num_bytes).map_err(|_| out_of_memory())?;
        buffer.resize(num_bytes, 0);
        Ok(())
    }

    /// Adds all bytes to `hasher`.
    pub fn hash_into(&self, hasher: &mut Sha256) -> Result<()> {
        if let Data::Memory(bytes) = &self.data {
            hasher.update(bytes.as_ref().as_ref());
            return Ok(());
        }
        let mut buffer = vec![0; 1 << 20];
        let mut offset = 0;
        while offset < self.len {
            let step = (self.len - offset).min(buffer.len() as u64);
            let chunk = &mut buffer[..step as usize];
            self.read_at(offset, chunk)?;
            hasher.update(chunk);
            offset += step;
        }
        Ok(())
    }

    fn failed(&self, offset: u64, num_bytes: usize, error: std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            self.too_short(offset, num_bytes)
        } else {
            Error::file("read", Path::new(&self.label), error)
        }
    }

    fn too_short(&self, offset: u64, num_bytes: usize) -> Error {
        Error::new(ErrorKind::Io, format!("cannot read {}: the file became shorter while in use", self.label))
            .detail(format!(
                "found fewer than {num_bytes} bytes at offset {offset}, expected a length of {} bytes",
                self.len
            ))
    }
}
