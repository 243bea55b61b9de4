//! Writes files atomically.

use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::{Error, ErrorKind, Result};

/// The longest chain of links that is followed, as in Linux.
const MAX_LINKS: usize = 40;

/// The temporary files of current writes, for [`remove_unfinished`].
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Writes `bytes` to `path` atomically: readers see the old file or the new one, never a part of it.
///
/// The bytes are written to a temporary file in the same folder, which is then renamed. A link is followed,
/// so that its target is replaced or created. Without `overwrite`, an existing file stays unchanged, even if
/// it appears during the write. The new file keeps the permissions of the one that it replaces and, if the
/// system permits it, the owner.
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
/// See [`check_target`]; also if the folder cannot be written to, or if the disk is full. No temporary file
/// is left behind.
pub fn write_atomically(path: &Path, bytes: &[u8], overwrite: bool) -> Result<()> {
    write_with(path, overwrite, |file| file.write_all(bytes))
}

/// For signals: removes the temporary files of all current writes and calls `end`, which should end the
/// process. No write begins or ends meanwhile, so every target has its old or its new content.
pub fn remove_unfinished(end: impl FnOnce()) {
    let mut unfinished = unfinished();
    for path in unfinished.drain(..) {
        // Nothing more can be done about a file that cannot be removed.
        let _ = std::fs::remove_file(path);
    }
    end();
}

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks before a long run whether [`write_atomically`] would refuse `path`.
///
/// # Errors
///
/// Bad input if the folder is missing, if `path` is not a regular file, or if it exists and `overwrite` is
/// false.
pub fn check_target(path: &Path, overwrite: bool) -> Result<()> {
    target(path, overwrite).map(|_| ())
}

/// The file to write, with links followed, and the metadata of the existing file.
fn target(path: &Path, overwrite: bool) -> Result<(PathBuf, Option<Metadata>)> {
    let refused = |why: &str| Error::input(format!("cannot write {}: {why}", path.display()));
    let mut target = path.to_path_buf();
    let mut num_links = 0;
    // `canonicalize` fails for a link to a file that does not exist yet.
    while let Ok(next) = std::fs::read_link(&target) {
        num_links += 1;
        if num_links > MAX_LINKS {
            return Err(refused("it is a link that leads back to itself"));
        }
        target = folder_of(&target).join(next);
    }
    let metadata = match std::fs::metadata(&target) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::file("write", path, error)),
    };
    match &metadata {
        Some(metadata) if metadata.is_dir() => {
            return Err(refused("it is a folder").hint("give the name of a file in it"));
        }
        // Renaming over a device such as /dev/null would replace the device.
        Some(metadata) if !metadata.is_file() => return Err(refused("it is not a regular file")),
        Some(_) if !overwrite => return Err(exists(path)),
        Some(_) => {}
        None if target.file_name().is_none() => return Err(refused("it does not name a file")),
        None => {}
    }
    let folder = folder_of(&target);
    if !folder.is_dir() {
        return Err(
            refused(&format!("there is no folder {}", folder.display())).hint("create the folder first")
        );
    }
    Ok((target, metadata))
}

/// Like [`write_atomically`], with a function that writes the contents.
pub(crate) fn write_with(
    path: &Path,
    overwrite: bool,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<()> {
    let (target, old) = target(path, overwrite)?;
    let folder = folder_of(&target);
    let failed = |error: io::Error| Error::file("write", path, error);

    // If an error occurs, dropping `file` removes the temporary file.
    let (mut file, entry) = temporary(&folder, old.is_some()).map_err(|error| {
        // Name the folder, because the temporary file's name would only confuse.
        Error::new(
            ErrorKind::Io,
            format!("cannot write {}: cannot create a file in its folder", path.display()),
        )
        .detail(format!("found {}: {error}", folder.display()))
    })?;
    write(file.as_file_mut()).map_err(failed)?;
    if let Some(old) = &old {
        keep_owner_and_permissions(file.as_file(), old).map_err(failed)?;
    }
    file.as_file().sync_all().map_err(failed)?;
    let persisted = {
        let _no_signal_meanwhile = unfinished();
        if overwrite { file.persist(&target) } else { file.persist_noclobber(&target) }
    };
    drop(entry);
    persisted.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => failed(error.error),
    })?;
    // Makes the new name survive a power cut. Not every file system supports this, and the file itself is
    // complete.
    #[cfg(unix)]
    let _ = File::open(&folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Creates a temporary file in `folder`. While the second value lives, [`remove_unfinished`] removes the
/// file. A private file can only be read by the user until it gets the permissions of the file that it
/// replaces.
fn temporary(folder: &Path, is_private: bool) -> io::Result<(NamedTempFile, Unfinished)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sukashi-").suffix(".tmp");
    #[cfg(unix)]
    {
        // The umask still applies.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(if is_private { 0o600 } else { 0o666 }));
    }
    #[cfg(not(unix))]
    let _ = is_private;
    let mut unfinished = unfinished();
    let file = builder.tempfile_in(folder)?;
    unfinished.push(file.path().to_path_buf());
    let entry = Unfinished(file.path().to_path_buf());
    Ok((file, entry))
}

/// The entry of a temporary file in [`UNFINISHED`].
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        unfinished().retain(|path| *path != self.0);
    }
}

/// Gives `file` the permissions of `old` and, if the user may do so, its owner.
#[cfg(unix)]
fn keep_owner_and_permissions(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let new = file.metadata()?;
    let mut mode = old.permissions().mode() & 0o777;
    if (new.uid(), new.gid()) != (old.uid(), old.gid())
        && fchown(file, Some(old.uid()), Some(old.gid())).is_err()
        && fchown(file, None, Some(old.gid())).is_err()
    {
        // The file has another group now, which must not inherit the old group's permissions.
        mode &= 0o707;
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// On other systems, a new file gets its folder's permissions.
#[cfg(not(unix))]
fn keep_owner_and_permissions(_: &File, _: &Metadata) -> io::Result<()> {
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

        let error = write_with(&path, true, disk_full).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("figure.svg"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_left_intact() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figure.svg");
        let error = write_with(&path, false, |file| {
            std::fs::write(&path, "another program's")?;
            file.write_all(b"ours")
        })
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "another program's");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// Writes fail from the N-th byte on, for every N: the old file stays, and no other is left.
    #[test]
    fn a_write_that_fails_at_any_byte_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figure.svg");
        let new = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        for end in 0..=new.len() {
            std::fs::write(&path, "old").unwrap();
            let result = write_with(&path, true, |file| {
                file.write_all(&new[..end])?;
                if end < new.len() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
            });
            assert_eq!(result.is_ok(), end == new.len());
            let want = if end == new.len() { &new[..] } else { b"old" };
            assert_eq!(std::fs::read(&path).unwrap(), want, "failed at byte {end}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_signal_while_writing_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figure.svg");
        std::fs::write(&path, "old").unwrap();
        let error = write_with(&path, true, |file| {
            file.write_all(b"<svg")?;
            assert_eq!(std::fs::read_dir(folder.path())?.count(), 2);
            remove_unfinished(|| ());
            assert_eq!(std::fs::read_dir(folder.path())?.count(), 1);
            Ok(())
        });
        assert!(error.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    }
}
