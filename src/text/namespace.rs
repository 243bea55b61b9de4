//! What templates may assign to a namespace.
//!
//! A namespace is the only value that a template can change. Assigned to itself, `ns.x = ns`, it has no end; wrapped
//! again and again, `ns.x = [ns.x]`, it is as deep as a loop is long. Whatever walks such a value (printing, comparing,
//! freeing) recurses once for each level, and the engine does not limit that: the process would die of it. So each
//! assignment stores a copy, which has an end and a limited depth.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

/// Lists in lists that a namespace may hold; what templates keep there has two or three.
const MAX_DEPTH: usize = 32;

/// The name of [`copied`] in a template that went through [`copying_assignments`].
pub(super) const FILTER: &str = "copied_into_namespace";

/// The filter: a copy of `value` that nothing can change any more.
pub(super) fn copied(state: &mut State, value: &Value) -> Result<Value, Error> {
    copy(state, value, 0)
}

fn copy(state: &State, value: &Value, depth: usize) -> Result<Value, Error> {
    state.consume_fuel(1)?;
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

/// `source` with [`FILTER`] applied to whatever is assigned to an attribute: `{% set ns.x = 1 %}` becomes
/// `{% set ns.x = (1) | copied_into_namespace %}`.
///
/// It does not know comments and quoted texts, and changes an assignment that is spelled there, too.
pub(super) fn copying_assignments(source: &str) -> String {
    let mut changed = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start + "{%".len());
        changed += before;
        rest = tag;
        if let Some(assignment) = Assignment::of(tag) {
            let Assignment { target, value, filters } = assignment;
            changed += target;
            match value {
                Some(value) => changed += &format!("=({value}) | {FILTER} "),
                None => changed += &format!("{filters} | {FILTER} "),
            }
            rest = &tag[assignment.len()..];
        }
    }
    changed + rest
}

/// The inside of a tag `set`, up to the mark that ends the tag.
struct Assignment<'a> {
    /// With the word `set` and what stands before it.
    target: &'a str,
    /// Without the sign `=`; `None` for the form that ends with `endset`.
    value: Option<&'a str>,
    /// In that form, the filters with the bars before them.
    filters: &'a str,
}

impl<'a> Assignment<'a> {
    /// Reads an assignment to an attribute; anything else is no matter of ours.
    fn of(tag: &'a str) -> Option<Self> {
        let word = tag.trim_start_matches(['-', '+']).trim_start();
        let after = word.strip_prefix("set")?;
        if after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let inside = &tag[..end(tag)?];
        let split = inside.find(['=', '|']).unwrap_or(inside.len());
        let (target, rest) = inside.split_at(split);
        if !target.contains('.') {
            return None;
        }
        Some(match rest.strip_prefix('=') {
            Some(value) => Self { target, value: Some(value), filters: "" },
            None if rest.is_empty() => return None,
            None => Self { target, value: None, filters: rest },
        })
    }

    fn len(&self) -> usize {
        self.target.len() + self.value.map_or(0, |value| value.len() + 1) + self.filters.len()
    }
}

/// Where a tag's inside ends; `None` where it does not, or closes more brackets than it opens: a tag that the engine
/// refuses, and that must not become a proper one.
fn end(tag: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0_usize;
    let mut characters = tag.char_indices();
    while let Some((index, character)) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') => _ = characters.next(),
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, '%') if depth == 0 && tag[index..].starts_with("%}") => {
                let sign = tag[..index].ends_with(['-', '+']);
                return Some(index - usize::from(sign));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::copying_assignments;

    #[track_caller]
    fn becomes(source: &str, expected: &str) {
        assert_eq!(copying_assignments(source).replace("copied_into_namespace", "C"), expected);
    }

    #[test]
    fn assignments_to_attributes_are_copied() {
        becomes("a{%- set ns.x = b, c -%}d", "a{%- set ns.x =( b, c ) | C -%}d");
        becomes("{%set ns.x=1%}", "{%set ns.x=(1) | C %}");
        becomes(
            "{%+\n set\tns . x = '%}\\'' ~ \"%}\" +%}",
            "{%+\n set\tns . x =( '%}\\'' ~ \"%}\" ) | C +%}",
        );
        becomes("{% set ns.x = {'a': 1 % 2} %}", "{% set ns.x =( {'a': 1 % 2} ) | C %}");
        becomes("{% set (ns.x) = 1 %}", "{% set (ns.x) =( 1 ) | C %}");
        becomes("{% set ns.x | f(y) %}z{% endset %}", "{% set ns.x | f(y)  | C %}z{% endset %}");
        becomes("{% set ns.x = 1 %}{% set ns.y = 2 %}", "{% set ns.x =( 1 ) | C %}{% set ns.y =( 2 ) | C %}");
    }

    #[test]
    fn all_else_stays() {
        for source in [
            "plain {{ x }} {# c #}",
            "{% set x = ns.y %}",
            "{% set ns.x %}a{% endset %}",
            "{% settle.x = 1 %}",
            "{% if a.b == 1 %}",
            "{% set ns.x = 1",
            // With brackets around it, this would be an expression: the namespace itself, not a copy.
            "{% set ns.x = ns) or (1 %}",
        ] {
            becomes(source, source);
        }
    }
}
