//! Whole files with a limit: the one way in which the crate and the program read a file at once.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// Reads a regular file of at most `max_bytes`.
///
/// A folder, a device such as `/dev/zero`, and a named pipe, which would wait for a writer, are not opened. A file that
/// grows while it is read is refused as well.
///
/// # Errors
///
/// Bad input where `path` is no regular file or has more than `max_bytes`; otherwise it cannot be read.
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
    // Files in /proc say that they have no bytes.
    if bytes.len() as u64 > max_bytes {
        return Err(refused(format!("more than {max_bytes} bytes")));
    }
    Ok(bytes)
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
