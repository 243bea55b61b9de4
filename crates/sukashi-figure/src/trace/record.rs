//! Records besides the trace: what they share.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::json_cause;

/// A versioned record that figures are drawn of: it is checked whenever it is read or written.
pub trait Record: Serialize + DeserializeOwned {
    /// The value of the field `schema`, such as `sukashi.score/1`.
    const SCHEMA: &'static str;
    /// The name of the record in messages.
    const NAME: &'static str;

    /// The field `schema`.
    fn schema(&self) -> &str;

    /// Checks everything but the schema.
    ///
    /// # Errors
    ///
    /// Input: the field, what was found and what was expected.
    fn check(&self) -> Result<()>;

    /// Checks that every number is finite and in its range, and that the record agrees with itself.
    ///
    /// # Errors
    ///
    /// Input: another schema, or as [`Self::check`].
    fn validate(&self) -> Result<()> {
        check_schema::<Self>(Some(self.schema()))?;
        self.check()
    }

    /// Reads the record from JSON. Fields that this version does not know are ignored.
    ///
    /// # Errors
    ///
    /// Input: text that is not JSON; another schema; a missing field or one of another type, with its line and
    /// column; a value that [`Self::validate`] refuses.
    fn from_json(json: &str) -> Result<Self> {
        let unreadable = |cause: serde_json::Error| {
            Error::input(format!("cannot read the {} as JSON", Self::NAME)).detail(json_cause::plain(&cause))
        };
        // The schema comes first: of another record, every other complaint would mislead.
        #[derive(Deserialize)]
        struct Header {
            schema: Option<String>,
        }
        let header: Header = serde_json::from_str(json).map_err(unreadable)?;
        check_schema::<Self>(header.schema.as_deref())?;
        let record: Self = serde_json::from_str(json).map_err(unreadable)?;
        record.check()?;
        Ok(record)
    }

    /// The record as JSON with a newline at the end.
    ///
    /// # Errors
    ///
    /// Input: a value that [`Self::validate`] refuses, so that nothing is written that could not be read.
    fn to_json(&self) -> Result<String> {
        self.validate()?;
        let json = serde_json::to_string(self).map_err(|cause| {
            Error::new(ErrorKind::Io, format!("cannot write the {} as JSON", Self::NAME)).caused_by(cause)
        })?;
        Ok(json + "\n")
    }
}

/// Refuses the schema of another record.
pub(super) fn check_schema<R: Record>(schema: Option<&str>) -> Result<()> {
    match schema {
        Some(schema) if schema == R::SCHEMA => Ok(()),
        Some(schema) => Err(Error::input(format!("cannot read the {}: its schema is {schema:?}", R::NAME))
            .detail(format!("this version reads {:?}", R::SCHEMA))
            .hint("read it with the version of sukashi that wrote it, or make it anew")),
        None => Err(Error::input(format!("cannot read the {}: it has no field `schema`", R::NAME))
            .detail(format!("expected {:?}", R::SCHEMA))),
    }
}
