//! The fuel that a template pays beyond the engine's own count.
//!
//! The engine counts its instructions and the bytes that it creates, but not the size of the values that it
//! walks. A list of two lists of two lists, sixty levels deep, is built in sixty steps and compared in 2⁶⁰.
//! So before a value is walked, fuel is paid for everything in it. [`super::jinja_tree`] inserts the payment
//! for operators, and [`super::jinja_filters`] for filters, tests and functions.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, State, Value, escape_formatter};

/// Units per step. A byte costs one unit, as in the engine.
const STEP: u64 = 64;
/// The cost of any value.
pub(super) const VALUE: u64 = 32;
/// The extra cost of a list or a dictionary, for its allocation.
const CONTAINER: u64 = 64;
/// The deepest nesting of lists. Parsed JSON has the same limit.
const MAX_DEPTH: usize = 128;
/// Comparing texts up to this length is free.
const SHORT: usize = 256;

/// Pays for `units` of work before the work is done.
pub(super) fn pay(state: &State, units: u64) -> Result<(), Error> {
    state.consume_fuel(units / STEP)
}

/// Pays for `value` and everything in it, and returns the units.
///
/// # Errors
///
/// If the fuel runs out, or if lists are nested too deeply.
pub(super) fn pay_for(state: &State, value: &Value) -> Result<u64, Error> {
    let mut walk = Walk { state, pending: 0, total: 0 };
    walk.visit(value, 0)?;
    pay(state, walk.pending)?;
    Ok(walk.total + walk.pending)
}

/// Pays for a comparison of two values. If one is small, the comparison is cheap.
pub(super) fn pay_for_both(state: &State, left: &Value, right: &Value) -> Result<(), Error> {
    if is_small(left) || is_small(right) {
        return Ok(());
    }
    pay_for(state, left)?;
    pay_for(state, right)?;
    Ok(())
}

/// Whether walking `value` is free.
pub(super) fn is_small(value: &Value) -> bool {
    !is_container(value) && value.as_str().is_none_or(|text| text.len() <= SHORT)
}

pub(super) fn is_container(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map)
}

struct Walk<'a, 'b, 'c> {
    state: &'a State<'b, 'c>,
    pending: u64,
    total: u64,
}

impl Walk<'_, '_, '_> {
    fn visit(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if !is_container(value) {
            return self.add(VALUE + value.as_str().map_or(0, |text| text.len() as u64));
        }
        if depth >= MAX_DEPTH {
            let why = format!("a value may nest at most {MAX_DEPTH} lists");
            return Err(Error::new(ErrorKind::InvalidOperation, why));
        }
        self.add(VALUE + CONTAINER)?;
        if let Some(pairs) =
            value.as_object().filter(|_| value.kind() == ValueKind::Map).and_then(|map| map.try_iter_pairs())
        {
            for (key, item) in pairs {
                self.visit(&key, depth + 1)?;
                self.visit(&item, depth + 1)?;
            }
            return Ok(());
        }
        for item in value.try_iter()?.checked() {
            self.visit(&item?, depth + 1)?;
        }
        Ok(())
    }

    fn add(&mut self, units: u64) -> Result<(), Error> {
        self.pending += units;
        if self.pending >= 64 * STEP {
            self.total += self.pending;
            pay(self.state, self.pending)?;
            self.pending = 0;
        }
        Ok(())
    }
}

/// Collects a lazy value into a list, because the engine would compute its items again on every access.
pub(super) fn settled(state: &State, value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable {
        return Ok(value);
    }
    let mut items = Vec::new();
    for item in value.try_iter()?.checked() {
        if items.len() % 64 == 0 {
            pay(state, 64 * VALUE)?;
        }
        items.push(item?);
    }
    items.shrink_to_fit();
    Ok(Value::from(items))
}

/// Writes a value into the text.
pub(super) fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if is_container(value) {
        pay_for(state, value)?;
    }
    escape_formatter(out, state, value)
}
