//! The filters, tests and functions of a template. Each pays fuel before it runs.
//!
//! A template can call nothing else: the engine's own functions are registered here one by one, each with its
//! cost.

use std::borrow::Cow;

use minijinja::value::{Kwargs, Rest, Tuple, Value, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, ErrorKind, State, filters, functions, tests};

use super::jinja_cost::{VALUE, is_container, is_small, pay, pay_for, pay_for_both, settled};
use super::jinja_json::tojson;
use super::jinja_tree::{BUILT, COPIED, ITEM, ITERATED, PAID, SETTLED, SLICE};
use super::namespace::{self, copied};

/// What a filter costs besides the bytes of the text that it is given, which the engine counts.
#[derive(Clone, Copy)]
enum Cost {
    /// Nothing more.
    Free,
    /// Everything in its arguments, because they become text.
    Text,
    /// [`Self::Text`] for each field of a format string.
    Fields,
    /// [`Self::Text`], plus the characters of its argument for each character of the text.
    Characters,
    /// Each item of a list, and the arguments for each item.
    Items,
    /// [`Self::Items`], plus everything in the items.
    Whole,
    /// [`Self::Whole`], for each comparison of items.
    Order,
    /// [`Self::Whole`] for each item, because the sum may grow.
    Sum,
    /// The most digits that a number may have.
    Digits,
}

/// Whether a result may be nested more deeply than its input.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Same,
    New,
}

/// Registers everything that a template may call.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    add_filters(environment);
    add_tests(environment);
    let add = |environment: &mut Environment<'static>, name, inner: Value| {
        let paid = move |state: &mut State, args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            for arg in &args {
                pay_for(state, arg)?;
            }
            let made = inner.call(state, &args)?;
            finished(state, made, Depth::New)
        };
        environment.add_function(name, paid);
    };
    add(environment, "range", Value::from_function(functions::range));
    add(environment, "dict", Value::from_function(functions::dict));
    add(environment, "namespace", Value::from_function(namespace::new));
}

fn add_filters(environment: &mut Environment<'static>) {
    let mut add = |name: &'static str, cost: Cost, depth: Depth, inner: Value| {
        let paid = move |state: &mut State, args: Rest<ValueOrKwargs>| {
            let args = args.into_values();
            cost.pay(state, &args)?;
            let made = inner.call(state, &args)?;
            finished(state, made, depth)
        };
        environment.add_filter(name, paid);
    };
    use Cost::{Characters, Digits, Fields, Free, Items, Order, Sum, Text, Whole};
    use Depth::{New, Same};
    add("abs", Free, Same, Value::from_function(filters::abs));
    add("attr", Text, Same, Value::from_function(filters::attr));
    add("batch", Items, New, Value::from_function(batch));
    add("bool", Free, Same, Value::from_function(filters::bool));
    add("capitalize", Text, Same, Value::from_function(filters::capitalize));
    add("count", Free, Same, Value::from_function(filters::length));
    add("d", Free, Same, Value::from_function(filters::default));
    add("default", Free, Same, Value::from_function(filters::default));
    add("dictsort", Order, New, Value::from_function(filters::dictsort));
    add("e", Text, Same, Value::from_function(filters::escape));
    add("escape", Text, Same, Value::from_function(filters::escape));
    add("first", Free, Same, Value::from_function(filters::first));
    add("float", Text, Same, Value::from_function(filters::float));
    add("format", Fields, Same, Value::from_function(filters::format));
    add("groupby", Order, New, Value::from_function(filters::groupby));
    add("indent", Text, Same, Value::from_function(indent));
    add("int", Text, Same, Value::from_function(filters::int));
    add("items", Items, New, Value::from_function(filters::items));
    add("join", Whole, Same, Value::from_function(filters::join));
    add("last", Items, Same, Value::from_function(filters::last));
    add("length", Free, Same, Value::from_function(filters::length));
    add("list", Items, Same, Value::from_function(filters::list));
    add("lower", Text, Same, Value::from_function(filters::lower));
    add("map", Items, New, Value::from_function(filters::map));
    add("max", Order, Same, Value::from_function(filters::max));
    add("min", Order, Same, Value::from_function(filters::min));
    add("reject", Items, Same, Value::from_function(filters::reject));
    add("rejectattr", Items, Same, Value::from_function(filters::rejectattr));
    add("replace", Text, Same, Value::from_function(replace));
    add("reverse", Items, Same, Value::from_function(filters::reverse));
    add("round", Digits, Same, Value::from_function(filters::round));
    add("safe", Text, Same, Value::from_function(filters::safe));
    add("select", Items, Same, Value::from_function(filters::select));
    add("selectattr", Items, Same, Value::from_function(filters::selectattr));
    add("slice", Items, New, Value::from_function(filters::slice));
    add("sort", Order, Same, Value::from_function(filters::sort));
    add("string", Text, Same, Value::from_function(filters::string));
    add("sum", Sum, Same, Value::from_function(filters::sum));
    add("title", Text, Same, Value::from_function(filters::title));
    add("tojson", Free, Same, Value::from_function(tojson));
    add("trim", Characters, Same, Value::from_function(filters::trim));
    add("unique", Order, Same, Value::from_function(filters::unique));
    add("upper", Text, Same, Value::from_function(filters::upper));
    // The filters that `jinja_tree` inserts.
    add(PAID, Text, Same, Value::from_function(|value: Value| value));
    add(ITERATED, Items, Same, Value::from_function(|value: Value| value));
    add(SETTLED, Free, Same, Value::from_function(|value: Value| value));
    add(BUILT, Free, New, Value::from_function(|value: Value| value));
    add(ITEM, Free, Same, Value::from_function(item));
    add(SLICE, Free, Same, Value::from_function(slice));
    add(COPIED, Free, Same, Value::from_function(copied));
}

fn add_tests(environment: &mut Environment<'static>) {
    let mut add = |names: &[&'static str], is_free: bool, inner: Value| {
        for &name in names {
            let inner = inner.clone();
            let paid = move |state: &mut State, args: Rest<ValueOrKwargs>| -> Result<bool, Error> {
                let args = args.into_values();
                match &args[..] {
                    _ if is_free => {}
                    [left, right] => pay_for_both(state, left, right)?,
                    args => args.iter().try_for_each(|arg| pay_for(state, arg).map(|_| ()))?,
                }
                Ok(inner.call(state, &args)?.is_true())
            };
            environment.add_test(name, paid);
        }
    };
    add(&["undefined"], true, Value::from_function(tests::is_undefined));
    add(&["defined"], true, Value::from_function(tests::is_defined));
    add(&["none"], true, Value::from_function(tests::is_none));
    add(&["safe", "escaped"], true, Value::from_function(tests::is_safe));
    add(&["boolean"], true, Value::from_function(tests::is_boolean));
    add(&["odd"], true, Value::from_function(tests::is_odd));
    add(&["even"], true, Value::from_function(tests::is_even));
    add(&["divisibleby"], false, Value::from_function(tests::is_divisibleby));
    add(&["number"], true, Value::from_function(tests::is_number));
    add(&["integer", "int"], true, Value::from_function(tests::is_integer));
    add(&["float"], true, Value::from_function(tests::is_float));
    add(&["string"], true, Value::from_function(tests::is_string));
    add(&["sequence"], true, Value::from_function(tests::is_sequence));
    // The engine's test would count the characters of a text.
    add(
        &["iterable"],
        true,
        Value::from_function(|value: &Value| value.as_str().is_some() || tests::is_iterable(value)),
    );
    add(&["mapping"], true, Value::from_function(tests::is_mapping));
    add(&["true"], true, Value::from_function(tests::is_true));
    add(&["false"], true, Value::from_function(tests::is_false));
    add(&["filter"], true, Value::from_function(tests::is_filter));
    add(&["test"], true, Value::from_function(tests::is_test));
    add(&["lower"], false, Value::from_function(tests::is_lower));
    add(&["upper"], false, Value::from_function(tests::is_upper));
    add(&["sameas"], false, Value::from_function(tests::is_sameas));
    add(&["startingwith"], false, Value::from_function(tests::is_startingwith));
    add(&["endingwith"], false, Value::from_function(tests::is_endingwith));
    add(&["eq", "equalto", "=="], false, Value::from_function(tests::is_eq));
    add(&["ne", "!="], false, Value::from_function(tests::is_ne));
    add(&["lt", "lessthan", "<"], false, Value::from_function(tests::is_lt));
    add(&["le", "<="], false, Value::from_function(tests::is_le));
    add(&["gt", "greaterthan", ">"], false, Value::from_function(tests::is_gt));
    add(&["ge", ">="], false, Value::from_function(tests::is_ge));
    add(&["in"], false, Value::from_function(tests::is_in));
}

impl Cost {
    fn pay(self, state: &State, args: &[Value]) -> Result<(), Error> {
        let Some((value, more)) = args.split_first() else { return Ok(()) };
        let num_items = value.len().unwrap_or(0) as u64;
        match self {
            Self::Free => {}
            Self::Digits => state.consume_fuel(100)?,
            Self::Text | Self::Characters | Self::Fields => {
                if is_container(value) {
                    pay_for(state, value)?;
                }
                let mut units = 0;
                for arg in more {
                    units += pay_for(state, arg)?;
                }
                if matches!(self, Self::Fields) {
                    let num_fields = value.as_str().map_or(0, |text| text.matches('%').count());
                    pay(state, units.saturating_mul(num_fields as u64))?;
                }
                if matches!(self, Self::Characters) && !more.is_empty() {
                    pay(state, (num_items / 8).saturating_mul(units.saturating_sub(VALUE)))?;
                }
            }
            Self::Items => {
                pay(state, num_items.saturating_mul(VALUE + text_len(more)))?;
            }
            Self::Whole | Self::Order | Self::Sum => {
                let units = if is_container(value) { pay_for(state, value)? } else { num_items };
                let times = match self {
                    Self::Order => u64::from(num_items.max(1).ilog2()),
                    Self::Sum if !more.is_empty() => num_items,
                    _ => 0,
                };
                pay(
                    state,
                    units.saturating_mul(times).saturating_add(num_items.saturating_mul(text_len(more))),
                )?;
            }
        }
        Ok(())
    }
}

/// The bytes of the text arguments, including named ones. They name attributes, which are read for each item.
fn text_len(args: &[Value]) -> u64 {
    let len = |value: &Value| value.as_str().map_or(0, |text| text.len() as u64);
    let named = |value: &Value| -> u64 {
        let pairs = value.as_object().filter(|_| value.is_kwargs()).and_then(|map| map.try_iter_pairs());
        pairs.into_iter().flatten().map(|(_, value)| len(&value)).sum()
    };
    args.iter().map(|arg| len(arg) + named(arg)).sum()
}

/// The result of a call, with lazy items computed and its depth checked.
pub(super) fn finished_new(state: &State, value: Value) -> Result<Value, Error> {
    finished(state, value, Depth::New)
}

fn finished(state: &State, value: Value, depth: Depth) -> Result<Value, Error> {
    let value = settled(state, value)?;
    if depth == Depth::New && is_container(&value) {
        pay_for(state, &value)?;
    }
    Ok(value)
}

/// The item at an index or key.
fn item(state: &State, value: &Value, key: &Value) -> Result<Value, Error> {
    if !is_small(key) {
        pay_for(state, key)?;
    }
    if value.kind() == ValueKind::Iterable {
        pay(state, value.len().unwrap_or(0) as u64 * VALUE)?;
    }
    value.get_item(key)
}

/// Slices texts and lists as Python does.
fn slice(
    state: &State,
    value: &Value,
    start: Option<i64>,
    stop: Option<i64>,
    step: Option<i64>,
) -> Result<Value, Error> {
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "cannot slice by step size of 0"));
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Value::from(Vec::<Value>::new())),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            // A character takes four bytes in the array.
            pay(state, 4 * text.len() as u64)?;
            let characters: Vec<char> = text.chars().collect();
            let chosen =
                indices(characters.len(), start, stop, step).filter_map(|index| characters.get(index));
            Ok(Value::from(String::from_iter(chosen)))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            pay(state, value.len().unwrap_or(0) as u64 * VALUE)?;
            let items: Vec<Value> = value.try_iter()?.collect();
            let chosen: Vec<Value> = indices(items.len(), start, stop, step)
                .filter_map(|index| items.get(index).cloned())
                .collect();
            Ok(if value.is_tuple() { Value::from(Tuple::new(chosen)) } else { Value::from(chosen) })
        }
        kind => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("value of type {kind} cannot be sliced")))
        }
    }
}

fn indices(len: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> impl Iterator<Item = usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let bound = |bound: Option<i64>, default| {
        bound.map_or(default, |at| if at < 0 { at.saturating_add(len) } else { at }.clamp(lowest, highest))
    };
    let (start, stop) = match step > 0 {
        true => (bound(start, lowest), bound(stop, highest)),
        false => (bound(start, highest), bound(stop, lowest)),
    };
    let next = move |&at: &i64| at.checked_add(step);
    std::iter::successors(Some(start), next)
        .take_while(move |&at| if step > 0 { at < stop } else { at > stop })
        .filter_map(|at| usize::try_from(at).ok())
}

/// The filter `batch`, without spare capacity in its lists.
fn batch(state: &State, value: &Value, count: usize, filler: Option<Value>) -> Result<Value, Error> {
    if count == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "count cannot be 0"));
    }
    let items: Vec<Value> = value.try_iter()?.checked().collect::<Result<_, _>>()?;
    let mut batches: Vec<Vec<Value>> = items.chunks(count).map(<[Value]>::to_vec).collect();
    if let (Some(last), Some(filler)) = (batches.last_mut(), filler) {
        pay(state, ((count - last.len()) as u64).saturating_mul(VALUE))?;
        last.resize(count, filler);
    }
    Ok(Value::from_iter(batches.into_iter().map(Value::from)))
}

/// The filter `replace`.
fn replace(
    state: &State,
    value: Cow<'_, str>,
    old: Cow<'_, str>,
    new: Cow<'_, str>,
    count: Option<i64>,
) -> Result<Value, Error> {
    let count = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let num_matches = value.matches(&*old).take(count).count();
    pay(state, (num_matches as u64).saturating_mul(new.len() as u64))?;
    Ok(Value::from(value.replacen(&*old, &new, count)))
}

/// The filter `indent`.
fn indent(state: &mut State, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let args = args.into_values();
    let (value, width, ..): (&Value, Option<usize>, Option<bool>, Option<bool>, Kwargs) = from_args(&args)?;
    let named = args.last().filter(|last| last.is_kwargs()).map(|named| named.get_attr("width"));
    let named = named.transpose()?.and_then(|width| width.as_usize());
    let num_lines = 1 + value.as_str().map_or(0, |text| text.matches('\n').count());
    pay(state, (num_lines as u64).saturating_mul(width.or(named).unwrap_or(4) as u64))?;
    Value::from_function(filters::indent).call(state, &args)
}
