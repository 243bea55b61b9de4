//! Texts in files.

use std::path::Path;

use sukashi::text::plain_text;
use sukashi::{Error, Result};

/// Counting and training take several times as much memory as their texts.
const MAX_BYTES: u64 = 1 << 30;

/// The text of a regular UTF-8 file of at most 1 GiB, as [`plain_text`] has it.
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
    plain_text(&path.display().to_string(), bytes)
}
