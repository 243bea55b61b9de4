//! A figure's numbers as rows and columns, for CSV and JSON.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::provenance::Provenance;
use crate::trace::csv_text;

/// A value. An empty one is empty in CSV and `null` in JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Count(u64),
    Number(f64),
    /// An f32. It is a variant of its own, so that 0.1 prints as 0.1 and not with the digits that f64 adds.
    Single(f32),
    Flag(bool),
    Empty,
}

impl Cell {
    pub(super) fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Empty, |text| Self::Text(text.to_owned()))
    }

    fn csv(&self) -> String {
        match self {
            Self::Text(text) => csv_text::to_cell(text).into_owned(),
            Self::Count(count) => count.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Single(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Empty => String::new(),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Single(number) => serializer.serialize_f32(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Empty => serializer.serialize_none(),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Replaces the shelves in the names of tokens by words. A column called `text` stays as it is.
    pub(super) fn put_in_words(&mut self) {
        for row in &mut self.rows {
            for (column, cell) in self.columns.iter().zip(row) {
                if let (true, Cell::Text(text)) = (*column != "text", cell) {
                    *text = crate::trace::visible::in_words(text);
                }
            }
        }
    }

    pub(super) fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(super) fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        // Writing into memory cannot fail, and every row has as many cells as there are columns.
        let _ = writer.write_record(&self.columns);
        for row in &self.rows {
            let _ = writer.write_record(row.iter().map(Cell::csv));
        }
        writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    pub(super) fn json(&self, figure: &str, title: &str, provenance: &Provenance) -> String {
        #[derive(serde::Serialize)]
        struct Document<'a> {
            figure: &'a str,
            title: &'a str,
            provenance: &'a Provenance,
            rows: Vec<Row<'a>>,
        }
        let rows = self.rows.iter().map(|cells| Row { columns: &self.columns, cells }).collect();
        let document = Document { figure, title, provenance, rows };
        serde_json::to_string_pretty(&document).map(|json| json + "\n").unwrap_or_default()
    }
}

/// A row as a JSON object whose keys keep the columns' order.
struct Row<'a> {
    columns: &'a [&'static str],
    cells: &'a [Cell],
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for (column, cell) in self.columns.iter().zip(self.cells) {
            map.serialize_entry(column, cell)?;
        }
        map.end()
    }
}
