//! The end of a command: success, an error, or a closed output.

use std::backtrace::Backtrace;
use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;

use sukashi::{Error, shown};

use super::output::{complain, note};

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// An error to report.
    Error(Error),
    /// The reader of the standard output closed it, as `head` does. That is no error.
    ClosedPipe,
}

pub type Outcome<T = ()> = Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Prints the error, if there is one, and gives the exit code of the process.
pub fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Error(error)) => {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                // The library's own errors are safe to print, and may have several lines.
                let is_ours = cause.is::<Error>();
                let said = cause.to_string();
                message += "\n  because: ";
                message += &if is_ours { said.into() } else { shown::excerpt(&said) };
                source = cause.source();
            }
            complain(&message);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Turns a panic into a message and an exit code of its own. A panic is always a bug of this program.
///
/// Panics that the library catches print nothing. `RUST_BACKTRACE` prints every panic with its backtrace.
pub fn report_panics(run: impl FnOnce() -> ExitCode) -> ExitCode {
    const EXIT_CODE: u8 = 101;
    static LAST: Mutex<Option<String>> = Mutex::new(None);
    let is_all_printed = std::env::var_os("RUST_BACKTRACE").is_some();
    std::panic::set_hook(Box::new(move |info| {
        if is_all_printed {
            note(&format!("{}\n{}", shown::excerpt(&info.to_string()), Backtrace::force_capture()));
        }
        if let Ok(mut last) = LAST.lock() {
            *last = Some(info.to_string());
        }
    }));
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let what = LAST.lock().ok().and_then(|mut last| last.take()).unwrap_or_default();
        let what = shown::excerpt(&what);
        complain(&format!("sukashi has a bug: {what}\n  hint: RUST_BACKTRACE=1 shows where"));
        ExitCode::from(EXIT_CODE)
    })
}
