//! Texts in cells of CSV: a spreadsheet runs what begins like a formula.
//!
//! A token may be `=` or `@SUM`, and a spreadsheet that opens the file takes such a cell for a formula. So an
//! apostrophe stands before the text, which marks a text for spreadsheets. A program that reads the file removes one
//! apostrophe. Numbers have cells of their own, without an apostrophe.

use std::borrow::Cow;

/// The characters that begin a formula, with the full-width forms that Japanese spreadsheets accept.
const BEGINNINGS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Returns the cell for `text`.
///
/// ```
/// use sukashi_figure::trace::csv_text;
///
/// assert_eq!(csv_text::to_cell("=1+2"), "'=1+2");
/// assert_eq!(csv_text::to_cell("猫"), "猫");
/// assert_eq!(csv_text::from_cell("'=1+2"), "=1+2");
/// ```
pub fn to_cell(text: &str) -> Cow<'_, str> {
    if begins_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Returns the text of a cell that [`to_cell`] made.
pub fn from_cell(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| begins_formula(text)).unwrap_or(cell)
}

/// Whether a text begins like a formula, or like the cell of one.
fn begins_formula(text: &str) -> bool {
    // A line end alone is not a formula, and is a common token.
    text.trim_start_matches('\'').trim_start_matches('\n').starts_with(BEGINNINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back() {
        for text in [
            "", "a", "'", "''", "=1", "'=1", "''=1", "'a", "+", "-1.5", "@x", "\t=", "\r", "\n", "\n=1",
            "＝1", "a=1", "'猫",
        ] {
            let cell = to_cell(text);
            assert_eq!(from_cell(&cell), text, "{cell:?}");
            assert!(!cell.starts_with(BEGINNINGS), "{cell:?}");
        }
    }
}
