//! How a command ends: well, with an error, or because nobody reads its output any more.

use std::error::Error as _;
use std::io::{ErrorKind as Io, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;

use sukashi::{Error, ErrorKind};

use super::terminal::{self, without_controls};

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// Something to be told.
    Error(Error),
    /// The reader of the standard output has seen enough, as `head` does: no fault.
    ClosedPipe,
}

pub type Outcome<T = ()> = Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Writes to the standard output at once.
pub fn print(text: &str) -> Outcome {
    print_bytes(text.as_bytes())
}

/// As [`print`], for what is not text.
pub fn print_bytes(bytes: &[u8]) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|cause| match cause.kind() {
        Io::BrokenPipe => Failure::ClosedPipe,
        _ => Error::new(ErrorKind::Io, "cannot write to the standard output").caused_by(cause).into(),
    })
}

/// Says something that is not data, on the standard error.
pub fn note(text: &str) {
    // Whoever closed the standard error does not want to hear it.
    let _ = writeln!(std::io::stderr(), "{}", without_controls(text));
}

/// Prints what went wrong, and gives the process's exit code.
pub fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Error(error)) => {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                message += &format!("\n  because: {cause}");
                source = cause.source();
            }
            let _ = writeln!(std::io::stderr(), "{} {}", label(), without_controls(&message));
            ExitCode::from(error.exit_code())
        }
    }
}

fn label() -> &'static str {
    if terminal::stderr_has_colors() { "\x1b[1;31merror:\x1b[0m" } else { "error:" }
}

/// Turns a panic, which is always a fault of the program, into a message and an exit code of its own.
///
/// Panics that the library catches itself say nothing. With `RUST_BACKTRACE` set, all is printed as usual.
pub fn report_panics(run: impl FnOnce() -> ExitCode) -> ExitCode {
    const EXIT_CODE: u8 = 101;
    static LAST: Mutex<Option<String>> = Mutex::new(None);
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        return run();
    }
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut last) = LAST.lock() {
            *last = Some(info.to_string());
        }
    }));
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let what = LAST.lock().ok().and_then(|mut last| last.take()).unwrap_or_default();
        note(&format!("error: sukashi has a fault: {what}\n  hint: RUST_BACKTRACE=1 shows where"));
        ExitCode::from(EXIT_CODE)
    })
}
