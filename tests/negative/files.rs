//! Tests output files. A full disk and a race are tests of `output` itself.

use std::fs;
use std::path::Path;

use sukashi::ErrorKind;
use sukashi::output::{check_target, write_atomically};

use super::refused;

fn num_files(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_target_that_exists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("figure.svg");
    write_atomically(&path, b"old", false).unwrap();
    refused(|| write_atomically(&path, b"new", false), &["figure.svg", "already exists", "--force"]);
    refused(|| check_target(&path, false), &["figure.svg", "--force"]);
    assert_eq!(fs::read(&path).unwrap(), b"old");

    check_target(&path, true).unwrap();
    write_atomically(&path, b"new", true).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(num_files(folder.path()), 1);
}

#[test]
fn targets_that_are_no_file() {
    let folder = tempfile::tempdir().unwrap();
    for overwrite in [false, true] {
        refused(|| write_atomically(folder.path(), b"", overwrite), &["it is a folder"]);
        let missing = folder.path().join("missing").join("figure.svg");
        refused(|| write_atomically(&missing, b"", overwrite), &["figure.svg", "no folder", "missing"]);
        refused(|| write_atomically(Path::new(""), b"", overwrite), &["does not name a file"]);
        #[cfg(unix)]
        refused(
            || write_atomically(Path::new("/dev/null"), b"", overwrite),
            &["/dev/null", "not a regular file"],
        );
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    refused(|| write_atomically(&file.join("figure.svg"), b"", false), &["figure.svg"]);
    assert_eq!(num_files(folder.path()), 1);
}
use crate::skip::skip;

#[cfg(unix)]
#[test]
fn a_read_only_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // The administrator may write everywhere but into the kernel's own folders.
    let is_bound = fs::write(folder.path().join("probe"), "").is_err();
    let path = if is_bound { folder.path().join("figure.svg") } else { "/proc/self/figure.svg".into() };
    if !path.parent().unwrap().is_dir() {
        skip("no folder here is read-only");
        return;
    }
    let error = write_atomically(&path, b"", false).unwrap_err();
    assert_eq!((error.kind(), error.exit_code()), (ErrorKind::Io, 1), "{error}");
    assert!(error.to_string().contains("figure.svg"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_permissions_are_usual() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (link, target) = (folder.path().join("link.svg"), folder.path().join("target.svg"));
    fs::write(&target, "old").unwrap();
    let usual = fs::metadata(&target).unwrap().permissions().mode();
    std::os::unix::fs::symlink(&target, &link).unwrap();

    refused(|| write_atomically(&link, b"new", false), &["link.svg", "--force"]);
    write_atomically(&link, b"new", true).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode(), usual);
}
