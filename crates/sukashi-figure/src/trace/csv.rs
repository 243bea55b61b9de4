//! A trace as CSV: one row per candidate.

use std::fmt::Write as _;
use std::io::Write;

use super::json::unwritable;
use super::{Trace, csv_text};
use crate::error::Result;

const COLUMNS: [&str; 11] = [
    "step",
    "position",
    "rank",
    "id",
    "text",
    "bytes_hex",
    "logit",
    "prob",
    "prob_scaled",
    "prob_final",
    "chosen",
];

impl Trace {
    /// Writes one row per candidate, after a row with the columns' names. `step` counts from 1.
    ///
    /// Numbers have all their digits, so that they read back the same. Texts have the form of [`csv_text`].
    ///
    /// # Errors
    ///
    /// The same as [`Self::write_json`].
    pub fn write_csv(&self, out: impl Write) -> Result<()> {
        self.validate()?;
        let failed = |cause: csv::Error| unwritable("CSV", cause);
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(COLUMNS).map_err(failed)?;
        for (index, step) in self.steps.iter().enumerate() {
            let chosen_id = step.chosen.as_ref().map(|chosen| chosen.id);
            for candidate in &step.candidates {
                writer
                    .write_record([
                        (index + 1).to_string().as_str(),
                        &step.position.to_string(),
                        &candidate.rank.to_string(),
                        &candidate.id.to_string(),
                        &*csv_text::to_cell(candidate.text.as_deref().unwrap_or_default()),
                        &candidate.bytes.as_deref().map(hex).unwrap_or_default(),
                        // The form is that of Debug, because Display writes 1e-30 with thirty zeros.
                        &format!("{:?}", candidate.logit),
                        &format!("{:?}", candidate.prob),
                        &format!("{:?}", candidate.prob_scaled),
                        &format!("{:?}", candidate.prob_final),
                        &(chosen_id == Some(candidate.id)).to_string(),
                    ])
                    .map_err(failed)?;
            }
        }
        writer.flush().map_err(|cause| unwritable("CSV", cause))
    }

    /// Returns one row per candidate as CSV. See [`Self::write_csv`].
    ///
    /// # Errors
    ///
    /// The same as [`Self::to_json`].
    pub fn to_csv(&self) -> Result<String> {
        super::to_text("CSV", |out| self.write_csv(out))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
