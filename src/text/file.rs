//! Whole files with a size limit.

use std::path::Path;

use crate::{Error, Result};

/// Reads a regular file of at most `max_bytes`.
pub(super) fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let failed = |error| Error::file("read", path, error);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    // Also keeps from waiting for the writer of a named pipe.
    if !metadata.is_file() || metadata.len() > max_bytes {
        return Err(Error::input(format!("cannot read {}", path.display())).detail(format!(
            "found {} bytes, expected a regular file of at most {max_bytes}",
            metadata.len()
        )));
    }
    std::fs::read(path).map_err(failed)
}
