//! A trace as JSON lines. The first line has everything but the steps, then each step has a line.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};

use super::json::{unreadable, unwritable};
use super::{AdapterInfo, ModelInfo, Prompt, Step, Trace, validate};
use crate::error::{Error, Result};
use crate::sampling::Settings;

/// [`Trace`] without its steps.
#[derive(Serialize)]
struct Header<'a> {
    schema: &'a str,
    version: &'a str,
    model: &'a ModelInfo,
    adapter: &'a AdapterInfo,
    sampling: &'a Settings,
    prompt: &'a Prompt,
    text: &'a Option<String>,
}

impl Trace {
    /// Reads a trace from JSON lines. Fields that this version does not know are ignored. Empty lines are ignored, too.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::from_json`], with the number of the line.
    pub fn from_jsonl(jsonl: &str) -> Result<Self> {
        let mut lines = jsonl
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim().is_empty());
        let Some((number, line)) = lines.next() else {
            return Err(Error::input("cannot read the trace as JSON lines: there is no line"));
        };
        let mut header: Map<String, Value> =
            serde_json::from_str(line).map_err(|cause| at_line(number, cause))?;
        match header.get("schema").and_then(Value::as_str) {
            Some(schema) => validate::check_schema(schema)?,
            None => {
                return Err(Error::input(format!(
                    "cannot read the trace: line {number} has no field `schema`"
                ))
                .detail(format!("expected {:?}", super::SCHEMA)));
            }
        }
        header.insert("steps".to_owned(), Value::Array(Vec::new()));
        let mut trace: Self =
            serde_json::from_value(Value::Object(header)).map_err(|cause| at_line(number, cause))?;
        for (number, line) in lines {
            let step: Step = serde_json::from_str(line).map_err(|cause| at_line(number, cause))?;
            trace.steps.push(step);
        }
        trace.validate()?;
        Ok(trace)
    }

    /// Writes the trace as JSON lines.
    ///
    /// # Errors
    ///
    /// The same as [`Self::write_json`].
    pub fn write_jsonl(&self, mut out: impl Write) -> Result<()> {
        self.validate()?;
        let Self { schema, version, model, adapter, sampling, prompt, steps, text } = self;
        write_line(&mut out, &Header { schema, version, model, adapter, sampling, prompt, text })?;
        steps.iter().try_for_each(|step| write_line(&mut out, step))
    }

    /// Returns the trace as JSON lines.
    ///
    /// # Errors
    ///
    /// The same as [`Self::to_json`].
    pub fn to_jsonl(&self) -> Result<String> {
        super::to_text("JSON lines", |out| self.write_jsonl(out))
    }
}

fn write_line(out: &mut impl Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(|cause| unwritable("JSON lines", cause))?;
    out.write_all(b"\n").map_err(|cause| unwritable("JSON lines", cause))
}

fn at_line(number: usize, cause: serde_json::Error) -> Error {
    unreadable("JSON lines", cause).detail(format!("in line {number}"))
}
