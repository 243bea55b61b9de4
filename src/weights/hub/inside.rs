//! Writes into a cache that others can write to as well, without following links out of it.
//!
//! The cache folder itself may be a link. Below it, links are not followed. A path can still change between
//! the check and its use. Only a cache folder that nobody else can write to prevents that.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::cache::failed;
use crate::{Error, ErrorKind, Result};

/// Creates the missing folders of `relative` below `root`, and returns the last one.
///
/// # Errors
///
/// If one of them is a link or a file.
pub(super) fn create_folders(root: &Path, relative: &Path) -> Result<PathBuf> {
    fs::create_dir_all(root).map_err(|cause| failed(root, cause))?;
    let mut path = root.to_path_buf();
    for part in relative {
        path.push(part);
        let Err(cause) = fs::create_dir(&path) else { continue };
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) => return Err(refused(&path, &metadata, "a folder")),
            Err(_) => return Err(failed(&path, cause)),
        }
    }
    Ok(path)
}

/// Opens a file for reading and writing, or creates it. A link or a special file at this path is removed
/// first, with a warning. The target of a link stays unchanged.
pub(super) fn open_file(path: &Path) -> Result<File> {
    let not_opened = |cause| failed(path, cause);
    loop {
        match path.symlink_metadata() {
            Ok(metadata) if is_own(&metadata) => {
                let file = File::options().read(true).write(true).open(path).map_err(not_opened)?;
                let opened = file.metadata().map_err(not_opened)?;
                return match is_same(&metadata, &opened) {
                    true => Ok(file),
                    false => Err(refused(path, &opened, "the file that was there when it was checked")),
                };
            }
            Ok(metadata) if metadata.is_dir() => return Err(refused(path, &metadata, "a file")),
            Ok(metadata) => {
                tracing::warn!(
                    "replacing {} in the cache of models, which was {}, with a file",
                    path.display(),
                    kind(path, &metadata)
                );
                fs::remove_file(path).map_err(not_opened)?;
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                match File::options().read(true).write(true).create_new(true).open(path) {
                    // Another program created it first.
                    Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
                    opened => return opened.map_err(not_opened),
                }
            }
            Err(cause) => return Err(not_opened(cause)),
        }
    }
}

/// Writes a small file atomically. It replaces a link instead of following it.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let not_written = |cause| failed(&path, cause);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sukashi-");
    #[cfg(unix)]
    {
        // Temporary files are private by default, but this one becomes an ordinary file. The umask still
        // applies.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(not_written)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(not_written)?;
    file.persist(&path).map(drop).map_err(|cause| not_written(cause.error))
}

/// Reads a small file; `None` if it is large, a link, or not a file.
pub(super) fn read(path: &Path, max_bytes: u64) -> Option<String> {
    let metadata = path.symlink_metadata().ok()?;
    (metadata.is_file() && metadata.len() <= max_bytes).then(|| fs::read_to_string(path).ok())?
}

/// Whether this is a regular file without other hard links, so that writing to it changes no other file.
fn is_own(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(metadata);
    #[cfg(not(unix))]
    let names = 1;
    metadata.is_file() && names == 1
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(_a: &Metadata, b: &Metadata) -> bool {
    b.is_file()
}

fn refused(path: &Path, metadata: &Metadata, expected: &str) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write {} in the cache of models", path.display()))
        .detail(format!("found {}, expected {expected}", kind(path, metadata)))
        .hint("it may lead out of the cache, so nothing was written; remove it if it is not yours")
}

fn kind(path: &Path, metadata: &Metadata) -> String {
    let kind = metadata.file_type();
    match path.read_link() {
        Ok(target) if kind.is_symlink() => format!("a link to {}", target.display()),
        _ if kind.is_dir() => "a folder".to_owned(),
        _ if kind.is_file() => "a file with another name elsewhere".to_owned(),
        _ => "neither a file nor a folder".to_owned(),
    }
}
