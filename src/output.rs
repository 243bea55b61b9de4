//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};

/// Writes `bytes` to `path`: whoever looks sees the old file or the new one, never half of it.
///
/// The bytes go to a temporary file in the same folder, which then takes the name. A link is followed, so that
/// the file that it points to is the one replaced. Without `overwrite` an existing file is left as it is, also
/// if it appears while the bytes are being written.
///
/// ```
/// use sukashi::output::write_atomically;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("figure.svg");
/// write_atomically(&path, b"<svg/>", false)?;
/// assert!(write_atomically(&path, b"<svg></svg>", false).is_err());
/// assert_eq!(std::fs::read(&path)?, b"<svg/>");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`check_target`]; otherwise the folder cannot be written to or the disk is full. No temporary file is
/// left behind.
pub fn write_atomically(path: &Path, bytes: &[u8], overwrite: bool) -> Result<()> {
    replace(path, overwrite, |file| file.write_all(bytes))
}

/// Says before a long run whether [`write_atomically`] would refuse `path`.
///
/// # Errors
///
/// Bad input where the folder is missing, `path` is a folder or another thing that is not a file, or it exists
/// and `overwrite` is false.
pub fn check_target(path: &Path, overwrite: bool) -> Result<()> {
    let refused = |why: &str| Error::input(format!("cannot write {}: {why}", path.display()));
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::file("write", path, error)),
    };
    match metadata {
        Some(metadata) if metadata.is_dir() => {
            return Err(refused("it is a folder").hint("give the name of a file in it"));
        }
        // Renaming over a device such as /dev/null would replace the device.
        Some(metadata) if !metadata.is_file() => return Err(refused("it is not a regular file")),
        Some(_) if !overwrite => return Err(exists(path)),
        Some(_) => {}
        None if path.file_name().is_none() => return Err(refused("it names no file")),
        None => {}
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(
            refused(&format!("there is no folder {}", folder.display())).hint("create the folder first")
        );
    }
    Ok(())
}

fn replace(path: &Path, overwrite: bool, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    check_target(path, overwrite)?;
    let target =
        if overwrite { path.canonicalize().unwrap_or_else(|_| path.into()) } else { path.to_path_buf() };
    let folder = folder_of(&target);
    let failed = |error: io::Error| Error::file("write", path, error);

    let mut builder = tempfile::Builder::new();
    builder.prefix(".sukashi-").suffix(".tmp");
    #[cfg(unix)]
    {
        // Temporary files are private; this one is to become an ordinary file. The umask still applies.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(&folder).map_err(|error| {
        // The temporary file's name would only confuse: what is wrong is the folder.
        Error::new(
            ErrorKind::Io,
            format!("cannot write {}: cannot create a file in its folder", path.display()),
        )
        .detail(format!("found {}: {error}", folder.display()))
    })?;
    // On an error the temporary file is removed when `file` is dropped.
    write(file.as_file_mut()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;

    let persisted = if overwrite { file.persist(&target) } else { file.persist_noclobber(&target) };
    persisted.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => failed(error.error),
    })?;
    // Makes the new name survive a power cut; not every file system can, and the file itself is complete.
    #[cfg(unix)]
    let _ = File::open(&folder).and_then(|folder| folder.sync_all());
    Ok(())
}

fn exists(path: &Path) -> Error {
    Error::input(format!("cannot write {}: it already exists", path.display()))
        .hint("give another name, or --force to replace it")
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that fills up after the first bytes.
    fn disk_full(file: &mut File) -> io::Result<()> {
        file.write_all(b"<svg")?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    #[test]
    fn a_full_disk_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figure.svg");
        std::fs::write(&path, "old").unwrap();

        let error = replace(&path, true, disk_full).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("figure.svg"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_left_intact() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figure.svg");
        let error = replace(&path, false, |file| {
            std::fs::write(&path, "another program's")?;
            file.write_all(b"ours")
        })
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "another program's");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
