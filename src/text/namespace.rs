//! Limits on what a template may store in a namespace.
//!
//! A namespace is the only value that a template can change. Assigned to itself, `ns.x = ns`, it becomes
//! infinite. Wrapped again and again, `ns.x = [ns.x]`, it becomes as deep as a loop is long. Code that walks
//! such a value (to print, compare or free it) recurses once per level. The engine does not limit that, so
//! the process would overflow its stack. Therefore each assignment stores a copy of limited depth:
//! [`super::jinja_tree`] inserts a filter for it.
use minijinja::value::{Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State, Value, functions};

/// How deep lists may be nested in a namespace. Templates in use need two or three levels.
const MAX_DEPTH: usize = 32;

/// How many names a namespace may have. Templates in use have fewer than ten. The engine searches them one by
/// one.
const MAX_NAMES: usize = 64;

/// The function `namespace`.
pub(super) fn new(names: Option<ValueOrKwargs>) -> Result<Value, Error> {
    let namespace = functions::namespace(names)?;
    check(&namespace)?;
    Ok(namespace)
}

/// The filter: a copy of `value` that can no longer change, to be stored in one of `namespaces`.
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
    // Copying a one-element list takes as long as two steps.
    state.consume_fuel(2)?;
    let kind = value.kind();
    if !matches!(kind, ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(value.clone());
    }
    if depth >= MAX_DEPTH {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a namespace may nest at most {MAX_DEPTH} lists"),
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
