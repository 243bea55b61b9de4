//! The common parts of all records besides the trace.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::json_cause;

/// A versioned record of which figures are drawn. Every reader and writer checks it.
pub trait Record: Serialize + DeserializeOwned {
    /// The value of the field `schema`, such as `sukashi.score/1`.
    const SCHEMA: &'static str;
    /// The name of the record in messages.
    const NAME: &'static str;

    /// Returns the field `schema`.
    fn schema(&self) -> &str;

    /// Checks everything but the schema.
    ///
    /// # Errors
    ///
    /// Input, with the field, the found value and the expected one.
    fn check(&self) -> Result<()>;

    /// Checks that every number is finite and in its range, and that the record agrees with itself.
    ///
    /// # Errors
    ///
    /// Input: the schema is another one. Also the errors of [`Self::check`].
    fn validate(&self) -> Result<()> {
        check_schema::<Self>(Some(self.schema()))?;
        self.check()
    }

    /// Reads the record from JSON. Fields that this version does not know are ignored.
    ///
    /// # Errors
    ///
    /// Input: the text is not JSON, the schema is another one, or [`Self::validate`] refuses a value. Also if a field
    /// is missing or has another type; the error then has its line and column.
    fn from_json(json: &str) -> Result<Self> {
        let unreadable = |cause: serde_json::Error| {
            Error::input(format!("cannot read the {} as JSON", Self::NAME)).detail(json_cause::plain(&cause))
        };
        // The schema is checked first. For another record, any other error would mislead.
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

    /// Returns the record as JSON with a newline at the end.
    ///
    /// # Errors
    ///
    /// Input: [`Self::validate`] refuses a value, so that nothing is written that nobody could read.
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
