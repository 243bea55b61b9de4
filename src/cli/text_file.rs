//! Texts in files.

use std::path::Path;

use sukashi::{Error, Result};

/// Counting and training take several times as much memory as their texts.
const MAX_BYTES: u64 = 1 << 30;

/// The text of a regular UTF-8 file of at most 1 GiB.
pub fn read(path: &Path) -> Result<String> {
    let failed = |cause| Error::file("read", path, cause);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(Error::input(format!("cannot read {}", path.display())).detail(format!(
            "found {} bytes, expected a regular file of at most {MAX_BYTES}",
            metadata.len()
        )));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    String::from_utf8(bytes).map_err(|cause| {
        Error::input(format!("cannot read {}: it is no UTF-8", path.display())).caused_by(cause)
    })
}
