//! The one error type of the runtime and its figures.
//!
//! A message says what failed and where, what was found, what was expected, and how to fix it:
//!
//! ```text
//! error: cannot load transformer.h.0.attn.c_attn.weight from tiny/model.safetensors
//!   found shape [48, 140], expected [hidden_size, 3 * hidden_size] = [48, 144]
//!   hint: do config.json and model.safetensors belong to one model?
//! ```

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::{json_cause, shown};

/// What went wrong, in the terms that a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file, a flag, a prompt or another value from outside is not usable as it is.
    Input,
    /// Reading or writing failed for a reason outside the data: permissions, a full disk.
    Io,
    /// No adapter could be had, or it refused what the model needs.
    Device,
    /// The adapter went away while in use; a new device has to be requested.
    DeviceLost,
    /// The adapter has too little memory left.
    OutOfMemory,
    /// A result is not what it must be: a non-finite logit, a kernel that disagrees with its twin.
    Computation,
}

/// An error: what failed, what was found there, a hint, and the cause.
///
/// `Display` prints everything but the cause, which [`std::error::Error::source`] returns. Text from files and flags is safe on
/// a terminal, because each part of the message is an [`excerpt`](shown::excerpt) of one line.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    details: Vec<String>,
    hint: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error of `kind`. `message` says what failed and where, in lower case, without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = shown_part(message.into());
        Self(Box::new(Inner { kind, message, details: Vec::new(), hint: None, source: None }))
    }

    /// Makes an error of [`ErrorKind::Input`].
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// Adds a line that says what was found and what was expected.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.details.push(shown_part(detail.into()));
        self
    }

    /// Adds a hint on how to fix it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(shown_part(hint.into()));
        self
    }

    /// Adds the cause. If its text is not safe to show, only an excerpt of that is kept. An error of serde is put into JSON's
    /// words.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = match source.into().downcast::<serde_json::Error>() {
            Ok(json) => json_cause::plain(&json).into(),
            Err(other) => other,
        };
        let said = source.to_string();
        let is_shown = source.is::<Self>() || matches!(shown::excerpt(&said), Cow::Borrowed(_));
        self.0.source = Some(if is_shown { source.into() } else { Arc::new(Said(shown_part(said))) });
        self
    }

    /// Makes an error of reading or writing `path`. A file that does not exist is bad input.
    pub fn file(action: &str, path: &std::path::Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match source.kind() {
            Io::NotFound | Io::IsADirectory | Io::NotADirectory | Io::AlreadyExists | Io::InvalidData => {
                ErrorKind::Input
            }
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("cannot {action} {}", path.display())).caused_by(source)
    }

    /// Returns the kind, by which a caller can decide what to do.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the exit code of the process for this error: 2 for bad input, 1 for a failed run.
    pub fn exit_code(&self) -> u8 {
        if self.0.kind == ErrorKind::Input { 2 } else { 1 }
    }
}

/// Returns the text of any error. Of an error from another crate, that is an excerpt.
pub(crate) fn cause(cause: &(dyn std::error::Error + 'static)) -> String {
    match cause.downcast_ref::<Error>() {
        Some(error) => error.to_string(),
        None => shown_part(cause.to_string()),
    }
}

/// The text of a cause.
#[derive(Debug)]
struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

fn shown_part(part: String) -> String {
    match shown::excerpt(&part) {
        Cow::Borrowed(_) => part,
        Cow::Owned(excerpt) => excerpt,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for detail in &self.0.details {
            write!(f, "\n  {detail}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        if let Some(source) = &self.0.source {
            write!(f, "\n  because: {}", cause(source.as_ref()))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}
