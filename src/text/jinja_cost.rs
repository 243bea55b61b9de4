//! What a template pays for beyond the engine's own count.
//!
//! The engine counts its instructions and the bytes that it makes. It does not count what a value holds inside: a list
//! of two lists of two lists, sixty times, is made in sixty steps and compared in 2⁶⁰. So whoever is about to walk a value pays
//! for all that is in it first: [`super::jinja_tree`] leads the operators here, and [`super::jinja_filters`] the filters, tests
//! and functions.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, State, Value, escape_formatter};

/// Units in one step: a byte costs one, as in the engine.
const STEP: u64 = 64;
/// For a value, wherever it stands.
pub(super) const VALUE: u64 = 32;
/// For a list or a dictionary, besides its items: it has an allocation of its own.
const CONTAINER: u64 = 64;
/// Lists in lists. JSON that is read has at most as many.
const MAX_DEPTH: usize = 128;
/// Texts up to this length are compared in no time.
const SHORT: usize = 256;

/// Pays for `units`, before they are worked on.
pub(super) fn pay(state: &State, units: u64) -> Result<(), Error> {
    state.consume_fuel(units / STEP)
}

/// Pays for `value` with all that is in it, and gives the units.
///
/// # Errors
///
/// Out of fuel, or lists in lists without end.
pub(super) fn pay_for(state: &State, value: &Value) -> Result<u64, Error> {
    let mut walk = Walk { state, pending: 0, total: 0 };
    walk.visit(value, 0)?;
    pay(state, walk.pending)?;
    Ok(walk.total + walk.pending)
}

/// Pays for two values to be compared: where one of them is small, no more than that is looked at.
pub(super) fn pay_for_both(state: &State, left: &Value, right: &Value) -> Result<(), Error> {
    if is_small(left) || is_small(right) {
        return Ok(());
    }
    pay_for(state, left)?;
    pay_for(state, right)?;
    Ok(())
}

/// Whether it takes no time to look at all of `value`.
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
            let why = format!("a value has at most {MAX_DEPTH} lists in each other");
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

/// `value` with its items in a list, where the engine would work them out again whenever they are looked at.
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

/// What puts a value into the text.
pub(super) fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if is_container(value) {
        pay_for(state, value)?;
    }
    escape_formatter(out, state, value)
}
