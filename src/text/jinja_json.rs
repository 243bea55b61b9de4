//! The filter `tojson` as transformers defines it: Python's `json.dumps`, which does not escape `<`, `&` or
//! Japanese.

use std::fmt::Write;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::jinja_cost::{VALUE, pay, pay_for};

/// The deepest nesting. Messages and tools have fewer than ten levels.
const MAX_DEPTH: usize = 64;
/// The most spaces per level.
const MAX_INDENT: usize = 16;

/// `value` as JSON, with `indent`, `separators`, `sort_keys` and `ensure_ascii` as in Python.
pub(super) fn tojson(state: &mut State, value: &Value, options: Kwargs) -> Result<Value, Error> {
    let indent = options.get::<Option<usize>>("indent")?;
    if indent.is_some_and(|indent| indent > MAX_INDENT) {
        return Err(wrong(format!("tojson indents by at most {MAX_INDENT}")));
    }
    let separators = options.get::<Option<Vec<String>>>("separators")?;
    let [item_separator, key_separator] = match separators.map(<[String; 2]>::try_from) {
        Some(Ok(separators)) => separators,
        Some(Err(_)) => return Err(wrong("tojson takes two separators".to_owned())),
        None => [if indent.is_some() { "," } else { ", " }.to_owned(), ": ".to_owned()],
    };
    let sort_keys = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    let ensure_ascii = options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    options.assert_all_used()?;
    let mut writer =
        Writer { out: String::new(), indent, item_separator, key_separator, sort_keys, ensure_ascii };
    writer.value(state, value, 0)?;
    Ok(Value::from(writer.out))
}

struct Writer {
    out: String,
    indent: Option<usize>,
    /// The separator between two items.
    item_separator: String,
    /// The separator between a key and its value.
    key_separator: String,
    sort_keys: bool,
    ensure_ascii: bool,
}

impl Writer {
    fn value(&mut self, state: &State, value: &Value, depth: usize) -> Result<(), Error> {
        state.consume_fuel(1)?;
        if depth > MAX_DEPTH {
            return Err(wrong(format!("tojson writes at most {MAX_DEPTH} levels of nested values")));
        }
        match value.kind() {
            ValueKind::None => self.out += "null",
            ValueKind::Bool => self.out += if value.is_true() { "true" } else { "false" },
            ValueKind::Number => self.out += &value.to_string(),
            ValueKind::String => self.text(state, value.as_str().unwrap_or_default())?,
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter()?.checked();
                self.list(state, ('[', ']'), depth, items, |writer, item| {
                    writer.value(state, &item?, depth + 1)
                })?;
            }
            ValueKind::Map => {
                pay(state, value.len().unwrap_or(0) as u64 * VALUE)?;
                let mut keys = value.try_iter()?.checked().collect::<Result<Vec<_>, _>>()?;
                if self.sort_keys {
                    let times = u64::from(keys.len().max(1).ilog2());
                    for key in &keys {
                        let units = pay_for(state, key)?;
                        pay(state, units * times)?;
                    }
                    keys.sort();
                }
                self.list(state, ('{', '}'), depth, keys.into_iter(), |writer, key| {
                    pay_for(state, &key)?;
                    writer.text(state, &key.to_string())?;
                    pay(state, writer.key_separator.len() as u64)?;
                    writer.out += &writer.key_separator.clone();
                    writer.value(state, &value.get_item(&key)?, depth + 1)
                })?;
            }
            kind => return Err(wrong(format!("tojson cannot write a value of type {kind}"))),
        }
        Ok(())
    }

    fn list<T>(
        &mut self,
        state: &State,
        (open, close): (char, char),
        depth: usize,
        items: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.push(open);
        let mut is_empty = true;
        for item in items {
            if !is_empty {
                pay(state, self.item_separator.len() as u64)?;
                self.out += &self.item_separator.clone();
            }
            is_empty = false;
            self.line(state, depth + 1)?;
            write(self, item)?;
        }
        if !is_empty {
            self.line(state, depth)?;
        }
        self.out.push(close);
        Ok(())
    }

    fn line(&mut self, state: &State, depth: usize) -> Result<(), Error> {
        if let Some(indent) = self.indent {
            pay(state, (indent * depth) as u64)?;
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * depth));
        }
        Ok(())
    }

    fn text(&mut self, state: &State, text: &str) -> Result<(), Error> {
        // A byte takes at most six when escaped.
        state.consume_fuel(text.len() as u64 / 8)?;
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out += "\\\"",
                '\\' => self.out += "\\\\",
                '\n' => self.out += "\\n",
                '\r' => self.out += "\\r",
                '\t' => self.out += "\\t",
                '\u{8}' => self.out += "\\b",
                '\u{c}' => self.out += "\\f",
                _ if character < ' ' || (self.ensure_ascii && !character.is_ascii()) => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        // Writing to a string cannot fail.
                        let _ = write!(self.out, "\\u{unit:04x}");
                    }
                }
                _ => self.out.push(character),
            }
        }
        self.out.push('"');
        Ok(())
    }
}

fn wrong(why: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}
