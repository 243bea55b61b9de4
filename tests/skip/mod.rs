//! Skips a test, or a part of one, that this machine cannot run.

/// Prints `SKIP` with the reason, and adds the line to the file that `SUKASHI_SKIPS` names. `scripts/check.sh` counts
/// the lines, since test runners hide the output of tests that pass.
pub fn skip(reason: impl std::fmt::Display) {
    use std::io::Write;
    println!("SKIP: {reason}");
    if let Some(path) = std::env::var_os("SUKASHI_SKIPS") {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let line = format!("SKIP: {test}: {reason}\n");
        // The line is written at once, since tests of other processes write to the file as well.
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}
