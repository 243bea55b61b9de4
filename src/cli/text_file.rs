//! Reads text files.

use std::path::Path;

use sukashi::Result;
use sukashi::text::plain_text;

/// Counting and training need several times as much memory as their texts.
const MAX_BYTES: u64 = 1 << 30;

/// Reads a regular UTF-8 file of at most 1 GiB as [`plain_text`].
pub fn read(path: &Path) -> Result<String> {
    plain_text(&path.display().to_string(), sukashi::file::read(path, MAX_BYTES)?)
}
