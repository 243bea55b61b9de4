//! Files and streams that cannot be written to.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use super::{bounded, message, names, program};

const FIGURE: [&str; 7] = ["figure", "softmax", "--logits", "3,1", "--force", "--lang", "en"];

/// A limit on the size of files makes each write past it fail, as a full disk does. `dash` counts in units of 512
/// bytes.
#[test]
fn a_disk_that_is_full_after_any_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("figure.svg");
    let run = |blocks: u32| {
        let mut limited = Command::new("sh");
        limited
            .args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_sukashi"))
            .args(FIGURE)
            .arg("-o")
            .arg(&target);
        bounded(&mut limited)
    };
    let mut failed = 0;
    for blocks in 0..200 {
        fs::write(&target, "old").unwrap();
        let output = run(blocks);
        assert_eq!(names(folder.path()), ["figure.svg"], "after {blocks} blocks");
        let text = fs::read_to_string(&target).unwrap();
        if output.status.success() {
            assert!(text.starts_with("<svg") && text.ends_with("</svg>\n"));
            break;
        }
        failed += 1;
        assert_eq!(output.status.code(), Some(1), "{}", message(&output));
        assert!(message(&output).contains("figure.svg"), "{}", message(&output));
        assert_eq!(text, "old", "after {blocks} blocks");
    }
    assert!((5..199).contains(&failed), "{failed} sizes failed");
}

#[test]
fn a_folder_that_takes_no_files_is_told() {
    let cache = tempfile::tempdir().unwrap();
    // Not even root can make a file in this folder.
    let output = bounded(program(cache.path()).args(FIGURE).args(["-o", "/proc/figure.svg"]));
    if !std::path::Path::new("/proc/self").exists() {
        skip("no /proc");
        return;
    }
    assert_eq!(output.status.code(), Some(1));
    assert!(message(&output).contains("cannot write /proc/figure.svg"), "{}", message(&output));
}
use crate::skip::skip;

#[test]
fn outputs_that_nobody_reads_are_no_fault() {
    let run = |redirection: &str| {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("\"$0\" \"$@\" {redirection}; echo $? >&2")])
            .arg(env!("CARGO_BIN_EXE_sukashi"))
            .args(["next", "吾輩は", "--device", "cpu", "--lang", "en"]);
        message(&bounded(&mut shell))
    };
    assert_eq!(run(">&-"), "0\n", "closed before the start");
    let full = run(">/dev/full");
    if fs::metadata("/dev/full").is_ok() {
        assert!(
            full.starts_with("error: cannot write to the standard output") && full.ends_with("1\n"),
            "{full}"
        );
    }
}

#[test]
fn a_closed_standard_error_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" 2>&-"])
        .arg(env!("CARGO_BIN_EXE_sukashi"))
        .args(["next", "no such character: \u{1F600}", "--device", "cpu"])
        .env("XDG_CACHE_HOME", folder.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn what_is_replaced_keeps_its_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("figure.svg");
    for mode in [0o600, 0o640, 0o444, 0o666] {
        let _ = fs::remove_file(&target);
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(mode)).unwrap();
        let output = bounded(program(folder.path()).args(FIGURE).arg("-o").arg(&target));
        assert!(output.status.success(), "{}", message(&output));
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o7777, mode);
        assert!(fs::read_to_string(&target).unwrap().starts_with("<svg"));
    }
}

#[test]
fn links_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("other")).unwrap();
    for (link, to) in [
        ("dangling.svg", "other/new.svg"),
        ("twice.svg", "once.svg"),
        ("once.svg", "other/twice.svg"),
        ("folder.svg", "other"),
        ("loop.svg", "pool.svg"),
        ("pool.svg", "loop.svg"),
        ("nowhere.svg", "no/such/folder.svg"),
        ("zero.svg", "/dev/zero"),
    ] {
        symlink(to, path(link)).unwrap();
    }
    let run = |name: &str| bounded(program(folder.path()).args(FIGURE).arg("-o").arg(path(name)));
    for (link, target) in [("dangling.svg", "other/new.svg"), ("twice.svg", "other/twice.svg")] {
        for _ in 0..2 {
            let output = run(link);
            assert!(output.status.success(), "{}", message(&output));
            assert!(path(link).is_symlink(), "{link} is still a link");
            assert!(fs::read_to_string(path(target)).unwrap().starts_with("<svg"));
        }
    }
    for link in ["folder.svg", "loop.svg", "nowhere.svg", "zero.svg"] {
        let output = run(link);
        assert_eq!(output.status.code(), Some(2), "{link}: {}", message(&output));
        assert!(message(&output).contains(link), "{}", message(&output));
        assert!(path(link).is_symlink());
    }
    assert_eq!(names(&path("other")), ["new.svg", "twice.svg"]);
}
