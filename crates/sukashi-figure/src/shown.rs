//! Makes text from outside safe to show. Nothing in the result moves a cursor, hides or reverses other text, or is endless.
//!
//! A model's name, a token, a file name or an argument may hold any character. On a terminal, control characters are
//! commands, and invisible characters make one text look like another. So they are shown in the form of
//! [`crate::trace::visible`]: `<1B>`, `<U+202E>`.

use std::borrow::Cow;

use crate::visible;

/// The largest number of characters that [`excerpt`] shows.
pub const MAX_EXCERPT: usize = 600;

/// The number of characters of an excerpt that come from the end of the text.
const EXCERPT_END: usize = 200;

/// Returns `text` in one line, in which every character is visible. Spaces stay.
///
/// ```
/// use sukashi_figure::shown;
///
/// assert_eq!(shown::line("tiny llama"), "tiny llama");
/// assert_eq!(shown::line("a\x1b[2J\u{202E}b\nc"), "a<1B>[2J<U+202E>b↵c");
/// ```
pub fn line(text: &str) -> Cow<'_, str> {
    with_marks(text, |character| character == ' ')
}

/// Returns `text` as [`line()`] does, but keeps its lines and tabs.
///
/// ```
/// assert_eq!(sukashi_figure::shown::lines("a\r\n\u{200B}b"), "a\n<U+200B>b");
/// ```
pub fn lines(text: &str) -> Cow<'_, str> {
    if text.contains("\r\n") {
        return Cow::Owned(lines(&text.replace("\r\n", "\n")).into_owned());
    }
    with_marks(text, |character| matches!(character, ' ' | '\n' | '\t' | '\u{3000}'))
}

/// Returns at most [`MAX_EXCERPT`] characters of [`line()`]: the start, the number of characters left out, and the end.
///
/// ```
/// use sukashi_figure::shown;
///
/// assert_eq!(shown::excerpt("tiny"), "tiny");
/// let long = shown::excerpt(&"a".repeat(5_000_000)).into_owned();
/// assert!(long.starts_with("aaa") && long.contains("a…[4999400 characters more]…a") && long.len() < 700);
/// ```
pub fn excerpt(text: &str) -> Cow<'_, str> {
    let marked = line(text);
    // Only a text with more bytes can have more characters.
    let num_characters = if marked.len() > MAX_EXCERPT { marked.chars().count() } else { 0 };
    if num_characters <= MAX_EXCERPT {
        return marked;
    }
    let at = |index: usize| marked.char_indices().nth(index).map_or(marked.len(), |(at, _)| at);
    let (start, end) =
        (&marked[..at(MAX_EXCERPT - EXCERPT_END)], &marked[at(num_characters - EXCERPT_END)..]);
    Cow::Owned(format!("{start}…[{} characters more]…{end}", num_characters - MAX_EXCERPT))
}

/// Returns the first characters of `text`, and an ellipsis if there are more.
///
/// ```
/// assert_eq!(sukashi_figure::shown::start("吾輩は猫", 3), "吾輩は…");
/// ```
pub fn start(text: &str, num_characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(num_characters) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Returns `text` with marks in place of invisible characters, unless they stay.
fn with_marks(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|character| !stays(character) && visible::is_invisible(character)) {
        return Cow::Borrowed(text);
    }
    let mut marked = String::with_capacity(text.len() + 16);
    // Two invisible characters change the emoji before them: the selector of the coloured form, and the joiner of
    // families. Both are frequent in chats.
    let mut after_emoji = false;
    for character in text.chars() {
        let makes_one_emoji = after_emoji && matches!(character, '\u{FE0F}' | '\u{200D}');
        if stays(character) || makes_one_emoji || !visible::is_invisible(character) {
            marked.push(character);
        } else {
            marked += &visible::token(0, Some(character.encode_utf8(&mut [0; 4])), None);
        }
        after_emoji = is_emoji(character) || makes_one_emoji && character == '\u{FE0F}';
    }
    Cow::Owned(marked)
}

fn is_emoji(character: char) -> bool {
    matches!(
        character,
        '‼' | '⁉' | '™' | 'ℹ' | '\u{2194}'..='\u{2BFF}' | '〰' | '〽' | '㊗' | '㊙' | '\u{1F000}'..='\u{1FAFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_stays_unseen() {
        for character in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let text = format!("a{character}b");
            assert!(!line(&text).chars().any(|c| c != ' ' && visible::is_invisible(c)), "{character:?}");
            let seen = |c: char| matches!(c, ' ' | '\n' | '\t' | '\u{3000}') || !visible::is_invisible(c);
            assert!(lines(&text).chars().all(seen), "{character:?}");
        }
    }

    #[test]
    fn emoji_stay_whole() {
        for text in ["❤\u{FE0F}", "👩\u{200D}🔬", "❤\u{FE0F}\u{200D}🔥"] {
            assert_eq!(line(text), text);
        }
        assert_eq!(line("a\u{FE0F}\u{200D}b"), "a<U+FE0F><U+200D>b");
        assert_eq!(line("❤\u{200B}あ\u{FE0F}"), "❤<U+200B>あ<U+FE0F>");
    }

    #[test]
    fn excerpts_are_bounded_in_what_they_show() {
        let controls = excerpt(&"\u{202E}".repeat(1 << 20)).into_owned();
        assert!(controls.len() < 700, "{}", controls.len());
        let exact = "猫".repeat(MAX_EXCERPT);
        assert_eq!(excerpt(&exact), exact);
        assert!(excerpt(&(exact + "犬")).ends_with('犬'));
    }
}
