//! Checks and changes to a template's source before the engine reads it.
//!
//! Each `{{` and `{%` counts as the start of a tag, even in a comment or in quotes, so that no tag is missed.

/// The most words and symbols in one tag. The longest tags in use have about a hundred.
///
/// The engine recurses for each of them, and its time grows with the square of their number.
pub(super) const MAX_PARTS: usize = 500;

/// The line of the first tag with more than [`MAX_PARTS`] parts.
pub(super) fn overlong_tag(source: &str) -> Option<usize> {
    let starts = ["{{", "{%"].into_iter().flat_map(|mark| source.match_indices(mark));
    let overlong = starts.map(|(start, _)| start).filter(|start| is_overlong(&source[start + 2..])).min()?;
    Some(1 + source[..overlong].matches('\n').count())
}

fn is_overlong(tag: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut num_parts = 0;
    let mut before = ' ';
    for (index, character) in unquoted(tag) {
        let starts_word = is_word(character) && !is_word(before);
        let is_sign = !is_word(character) && !character.is_whitespace() && !",:)]}'\"".contains(character);
        num_parts += usize::from(starts_word || is_sign);
        before = character;
        if num_parts > MAX_PARTS {
            return true;
        }
        if ["%}", "}}"].iter().any(|end| tag[index..].starts_with(end)) {
            return false;
        }
    }
    false
}

/// Replaces the `generation` tags, which mark an assistant's messages for training, with conditions that are
/// always true.
pub(super) fn replace_generation_tags(source: &str) -> String {
    replace_tags(source, |tag| {
        let inside = &tag[..tag.find("%}")?];
        let word = inside.trim_matches(|c: char| matches!(c, '-' | '+') || c.is_whitespace());
        let replacement = match word {
            "generation" => "if true",
            "endgeneration" => "endif",
            _ => return None,
        };
        Some((inside.replace(word, replacement), inside.len()))
    })
}

/// Replaces the text after each `{%` for which `change` returns a replacement and the length to replace.
fn replace_tags(source: &str, change: impl Fn(&str) -> Option<(String, usize)>) -> String {
    let mut changed = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start + "{%".len());
        changed += before;
        rest = tag;
        if let Some((replacement, len)) = change(tag) {
            changed += &replacement;
            rest = &tag[len..];
        }
    }
    changed + rest
}

/// The characters outside quotes, and the quotes themselves.
fn unquoted(tag: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut is_escaped = false;
    tag.char_indices().filter(move |&(_, character)| {
        let Some(open) = quote else {
            quote = matches!(character, '"' | '\'').then_some(character);
            return true;
        };
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character == open {
            quote = None;
            return true;
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::{overlong_tag, replace_generation_tags};

    #[test]
    fn generation_tags_become_conditions() {
        let source = "{%- generation +%}a{% endgeneration %}{% generations %}{{ generation }}{%";
        let expected = "{%- if true +%}a{% endif %}{% generations %}{{ generation }}{%";
        assert_eq!(replace_generation_tags(source), expected);
    }

    #[test]
    fn long_tags_are_found_and_long_texts_are_none() {
        let sum = |count| format!("a\n{{{{ 1{} }}}}", " + 1".repeat(count));
        // Each addition has two parts, and the first number has one.
        assert_eq!((overlong_tag(&sum(249)), overlong_tag(&sum(250))), (None, Some(2)));
        assert_eq!(overlong_tag(&format!("{{# {{{{ ' #}}\n{}", sum(250))), Some(3));
        for source in [
            "a + ".repeat(2000),
            format!("{{{{ '{}' }}}}", "a + \\'".repeat(2000)),
            format!("{{% set x = {{{}}} %}}", "'ab': 'Abkhaz', ".repeat(600)),
            "{{ a }} + ".repeat(2000),
        ] {
            assert_eq!(overlong_tag(&source), None, "{}", &source[..20]);
        }
        // From each start, at most one tag's limit is read, so this is fast.
        assert_eq!(overlong_tag(&"{".repeat(100_000)), Some(1));
    }
}
