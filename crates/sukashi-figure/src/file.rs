//! Reads whole files with a size limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// The largest Git LFS pointer, in bytes.
pub const MAX_POINTER_BYTES: usize = 1024;

/// Reads a regular file of at most `max_bytes`.
///
/// Only regular files are opened: `/dev/zero` never ends, and a named pipe waits for a writer. A file that
/// grows past the limit while it is read is refused too.
///
/// # Errors
///
/// Bad input if `path` is not a regular file, has more than `max_bytes`, or is a Git LFS pointer; also if it
/// cannot be read.
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let failed = |error| Error::file("read", path, error);
    let refused = |found: String| {
        Error::input(format!("cannot read {}", path.display()))
            .detail(format!("found {found}, expected a regular file of at most {max_bytes} bytes"))
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(refused("a folder".into()));
    }
    if !metadata.is_file() {
        return Err(refused("a device or a named pipe".into()));
    }
    if metadata.len() > max_bytes {
        return Err(refused(format!("{} bytes", metadata.len())));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(max_bytes + 1).read_to_end(&mut bytes)).map_err(failed)?;
    // Files in /proc report a length of 0.
    if bytes.len() as u64 > max_bytes {
        return Err(refused(format!("more than {max_bytes} bytes")));
    }
    check_no_pointer(&path.display().to_string(), &bytes)?;
    Ok(bytes)
}

/// Refuses a Git LFS pointer, which Git leaves in place of a large file that was not fetched.
///
/// # Errors
///
/// Bad input if `bytes` are such a pointer.
pub fn check_no_pointer(label: &str, bytes: &[u8]) -> Result<()> {
    if bytes.len() > MAX_POINTER_BYTES || !bytes.starts_with(b"version https://git-lfs") {
        return Ok(());
    }
    let text = String::from_utf8_lossy(bytes);
    let size = text.lines().find_map(|line| line.strip_prefix("size ")?.trim().parse::<u64>().ok());
    let error = Error::input(format!("cannot read {label}: it is a Git LFS pointer, not the file itself"))
        .hint("run git lfs pull in its repository");
    Err(match size {
        Some(size) => error.detail(format!("found {} bytes that stand for {size}", bytes.len())),
        None => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_up_to_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        assert!(read(&path, 3).unwrap_err().to_string().contains("4 bytes"));
        assert!(read(folder.path(), 4).unwrap_err().to_string().contains("a folder"));
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
            assert!(read(&link, 4).unwrap_err().to_string().contains("a device"));
        }
    }
}
