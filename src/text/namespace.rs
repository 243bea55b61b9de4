//! What templates may assign to a namespace.
//!
//! A namespace is the only value that a template can change. Assigned to itself, `ns.x = ns`, it has no end; wrapped
//! again and again, `ns.x = [ns.x]`, it is as deep as a loop is long. Whatever walks such a value (printing, comparing,
//! freeing) recurses once for each level, and the engine does not limit that: the process would die of it. So each
//! assignment stores a copy, which has an end and a limited depth: [`super::jinja_tree`] puts a filter there.

use minijinja::value::{Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State, Value, functions};

/// Lists in lists that a namespace may hold; what templates keep there has two or three.
const MAX_DEPTH: usize = 32;

/// Names in a namespace; templates have less than ten. The engine goes through all of them to know whether there is one.
const MAX_NAMES: usize = 64;

/// The function `namespace`.
pub(super) fn new(names: Option<ValueOrKwargs>) -> Result<Value, Error> {
    let namespace = functions::namespace(names)?;
    check(&namespace)?;
    Ok(namespace)
}

/// The filter: a copy of `value` that nothing can change any more, for one of `namespaces`.
pub(super) fn copied(state: &mut State, value: &Value, namespaces: Rest<Value>) -> Result<Value, Error> {
    namespaces.iter().try_for_each(check)?;
    copy(state, value, 0)
}

fn check(namespace: &Value) -> Result<(), Error> {
    if namespace.len().is_some_and(|num_names| num_names > MAX_NAMES) {
        let why = format!("a namespace has at most {MAX_NAMES} names");
        return Err(Error::new(ErrorKind::InvalidOperation, why));
    }
    Ok(())
}

fn copy(state: &State, value: &Value, depth: usize) -> Result<Value, Error> {
    // A value in a list of its own takes as long as two steps.
    state.consume_fuel(2)?;
    let kind = value.kind();
    if !matches!(kind, ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(value.clone());
    }
    if depth >= MAX_DEPTH {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a namespace holds at most {MAX_DEPTH} lists in each other"),
        ));
    }
    let mut items = Vec::new();
    if kind == ValueKind::Map {
        for key in value.try_iter()?.checked() {
            let key = key?;
            let item = copy(state, &value.get_item(&key)?, depth + 1)?;
            items.push((key, item));
        }
        return Ok(Value::from_pairs(items));
    }
    let mut items = Vec::new();
    for item in value.try_iter()?.checked() {
        items.push(copy(state, &item?, depth + 1)?);
    }
    Ok(if value.is_tuple() { Value::from(Tuple::new(items)) } else { Value::from(items) })
}
