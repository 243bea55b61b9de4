//! The methods of Python's strings, lists and dictionaries. Each pays fuel before it runs.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

use super::jinja_cost::{VALUE, is_container, is_small, pay, pay_for};
use super::jinja_filters::finished_new;

/// Calls a method of `value`. The engine counts the bytes of a text that the method belongs to.
pub(super) fn method(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let mut units = 0;
    for arg in args {
        units += pay_for(state, arg)?;
    }
    if let Some(text) = value.as_str() {
        pay_for_text(state, text, method, args, units)?;
    } else if method == "count" && is_container(value) {
        let num_items = value.len().unwrap_or(0) as u64;
        pay(state, num_items * VALUE)?;
        if !args.iter().all(is_small) {
            pay_for(state, value)?;
        }
    }
    let made = pycompat::unknown_method_callback(state, value, method, args)?;
    // An entry of a dictionary was checked when it was stored.
    if method == "get" && value.kind() == ValueKind::Map { Ok(made) } else { finished_new(state, made) }
}

/// Pays for a method of a text; `units` is the cost of the arguments.
fn pay_for_text(state: &State, text: &str, method: &str, args: &[Value], units: u64) -> Result<(), Error> {
    let len = text.len() as u64;
    match method {
        "format" => {
            let num_fields = text.matches('{').count() as u64;
            // A width would pad the text before the limit is checked.
            if text.split('{').skip(1).any(|field| field.contains(':')) {
                let why = "str.format does not support a format after a colon";
                return Err(Error::new(ErrorKind::InvalidOperation, why));
            }
            pay(state, num_fields.saturating_mul(units))
        }
        "split" => {
            let separator = args.first().and_then(Value::as_str).filter(|separator| !separator.is_empty());
            let num_parts = match separator {
                Some(separator) => text.matches(separator).count(),
                None => text.split_whitespace().count(),
            };
            pay(state, num_parts as u64 * VALUE)
        }
        "splitlines" => pay(state, text.matches('\n').count() as u64 * VALUE),
        "strip" | "lstrip" | "rstrip" if !args.is_empty() => {
            pay(state, (len / 8).saturating_mul(units.saturating_sub(VALUE)))
        }
        "join" => {
            let num_items = args.first().and_then(Value::len).unwrap_or(0) as u64;
            pay(state, num_items.saturating_mul(len))
        }
        _ => Ok(()),
    }
}
