//! A trace as one JSON document.

use std::io::Write;

use serde::Deserialize;

use super::{Trace, validate};
use crate::error::{Error, ErrorKind, Result};
use crate::json_cause;

impl Trace {
    /// Reads a trace from JSON. Fields that this version does not know are ignored.
    ///
    /// # Errors
    ///
    /// Input: the text is not JSON, the schema is another one, or [`Self::validate`] refuses a value. Also if a field
    /// is missing or has another type; the error then has its line and column.
    pub fn from_json(json: &str) -> Result<Self> {
        // The schema is checked first. For the record of another version, any other error would mislead.
        #[derive(Deserialize)]
        struct Header {
            schema: Option<String>,
        }
        let header: Header = serde_json::from_str(json).map_err(|cause| unreadable("JSON", cause))?;
        let Some(schema) = header.schema else {
            return Err(Error::input("cannot read the trace: it has no field `schema`")
                .detail(format!("expected {:?}", super::SCHEMA)));
        };
        validate::check_schema(&schema)?;
        let trace: Self = serde_json::from_str(json).map_err(|cause| unreadable("JSON", cause))?;
        trace.validate()?;
        Ok(trace)
    }

    /// Writes the trace as indented JSON with a newline at the end.
    ///
    /// # Errors
    ///
    /// Input: [`Self::validate`] refuses a value, so that nothing is written that nobody could read. Io: `out` fails.
    pub fn write_json(&self, mut out: impl Write) -> Result<()> {
        self.validate()?;
        serde_json::to_writer_pretty(&mut out, self).map_err(|cause| unwritable("JSON", cause))?;
        out.write_all(b"\n").map_err(|cause| unwritable("JSON", cause))
    }

    /// Returns the trace as indented JSON with a newline at the end.
    ///
    /// # Errors
    ///
    /// Input: [`Self::validate`] refuses a value.
    pub fn to_json(&self) -> Result<String> {
        super::to_text("JSON", |out| self.write_json(out))
    }
}

pub(super) fn unreadable(format: &str, cause: serde_json::Error) -> Error {
    Error::input(format!("cannot read the trace as {format}")).detail(json_cause::plain(&cause))
}

pub(super) fn unwritable(format: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write the trace as {format}")).caused_by(cause)
}
