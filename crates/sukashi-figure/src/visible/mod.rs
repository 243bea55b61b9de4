//! Tokens in a form that people can read. Whitespace, control characters and parts of characters are visible.
//!
//! | In the token | Shown |
//! |---|---|
//! | space | `␣` |
//! | full-width space (U+3000) | `⎵` |
//! | line feed | `↵` |
//! | tab | `⇥` |
//! | other ASCII control characters | `<07>` |
//! | other spaces, format and invisible characters, combining marks | `<U+200B>` |
//! | a character that looks like another, such as the Cyrillic А or a `␣` of the text's own | `А<U+0410>` |
//! | bytes that are only part of a character | `<E6 9D>` |
//! | no text at all | the id: `#123` |
//!
//! So two different tokens look different. In figures, half- and full-width forms also stand on a shelf that is as wide
//! as the form ([`on_shelves`]). A terminal shows their width by itself.

mod alike;

use std::fmt::Write;

use alike::{Home, is_combining, is_marked};

/// Returns the form of a token: of its bytes if they are known, else of its text, else its id.
///
/// ```
/// use sukashi_figure::trace::visible;
///
/// assert_eq!(visible::token(2, Some(" the"), Some(b" the")), "␣the");
/// assert_eq!(visible::token(3, Some("\u{FFFD}"), Some(&[0xE6, 0x9D])), "<E6 9D>");
/// assert_eq!(visible::token(123, None, None), "#123");
/// ```
pub fn token(id: u32, text: Option<&str>, bytes: Option<&[u8]>) -> String {
    let mut out = String::new();
    match (bytes, text) {
        (Some(bytes), _) if !bytes.is_empty() => {
            let home = Home::of(bytes.utf8_chunks().flat_map(|chunk| chunk.valid().chars()));
            for chunk in bytes.utf8_chunks() {
                push_text(&mut out, chunk.valid(), "␣", Some(home));
                push_bytes(&mut out, chunk.invalid());
            }
        }
        (_, Some(text)) if !text.is_empty() => {
            push_text(&mut out, text, "␣", Some(Home::of(text.chars())));
        }
        _ => out = format!("#{id}"),
    }
    out
}

/// Returns the form of a token's name that a person gave. It is like [`line()`], but look-alikes have their code points
/// as in [`token`].
///
/// ```
/// use sukashi_figure::trace::visible;
///
/// assert_eq!(visible::name("a b"), "a b");
/// assert_eq!(visible::name("А"), "А<U+0410>");
/// ```
pub fn name(text: &str) -> String {
    line_with(text, Some(Home::of(text.chars())))
}

/// Returns a passage in one line. It is like [`token`], but spaces inside the passage stay.
///
/// ```
/// use sukashi_figure::trace::visible;
///
/// assert_eq!(visible::line("to be\nor not "), "to be↵or not␣");
/// ```
pub fn line(text: &str) -> String {
    line_with(text, None)
}

fn line_with(text: &str, home: Option<Home>) -> String {
    let inner = text.trim_matches(' ');
    let mut out = String::new();
    let leading = if inner.is_empty() { 0 } else { text.len() - text.trim_start_matches(' ').len() };
    (0..leading).for_each(|_| out.push('␣'));
    push_text(&mut out, inner, " ", home);
    (0..text.len() - leading - inner.len()).for_each(|_| out.push('␣'));
    out
}

/// Returns whether `character` would leave no mark on paper, or would move or hide others.
///
/// This is true for control and format characters, every space, fillers, variation selectors and noncharacters.
pub fn is_invisible(character: char) -> bool {
    let code = u32::from(character);
    character.is_control()
        || character.is_whitespace()
        || code & 0xFFFE == 0xFFFE
        || matches!(code,
            0x00AD | 0x034F | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x08E2 | 0x115F | 0x1160
            | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F
            | 0x3164 | 0xFDD0..=0xFDEF | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0x110BD | 0x110CD | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF)
}

/// The sign that [`on_shelves`] puts behind a character: a combining bridge below.
pub const SHELF: char = '\u{33A}';

/// Returns whether `character` is a half- or full-width form of another one.
fn is_form(character: char) -> bool {
    matches!(character, '\u{FF01}'..='\u{FFEE}')
}

/// Adds a [`SHELF`] behind each half- and full-width form of a text from [`token`] or [`name`]. Figures draw a shelf as
/// wide as the form, so that `１` differs from `1` in every face.
///
/// ```
/// use sukashi_figure::trace::visible;
///
/// assert_eq!(visible::on_shelves("１1"), "１\u{33A}1");
/// ```
pub fn on_shelves(shown: &str) -> String {
    let mut out = String::with_capacity(shown.len());
    for character in shown.chars() {
        out.push(character);
        if is_form(character) {
            out.push(SHELF);
        }
    }
    out
}

/// Replaces the shelves from [`on_shelves`] by words, for people who cannot see shelves. The code points of a run of
/// forms stand behind it.
///
/// ```
/// use sukashi_figure::trace::visible;
///
/// assert_eq!(visible::in_words(&visible::on_shelves("Ａ１a")), "Ａ１<U+FF21 U+FF11>a");
/// ```
pub fn in_words(drawn: &str) -> String {
    let mut out = String::with_capacity(drawn.len());
    let mut run = String::new();
    let mut characters = drawn.chars().peekable();
    while let Some(character) = characters.next() {
        out.push(character);
        if is_form(character) && characters.next_if_eq(&SHELF).is_some() {
            // Writing into a String cannot fail.
            let _ = write!(run, "{}U+{:04X}", if run.is_empty() { "<" } else { " " }, u32::from(character));
            if characters.peek().is_some_and(|next| is_form(*next)) {
                continue;
            }
        }
        if !run.is_empty() {
            out.push_str(&std::mem::take(&mut run));
            out.push('>');
        }
    }
    out
}

/// `home` is the script of a token. It is given if look-alikes get their code points.
fn push_text(out: &mut String, text: &str, space: &str, home: Option<Home>) {
    for (at, character) in text.char_indices() {
        // Writing into a String cannot fail.
        let _ = match character {
            ' ' => out.write_str(space),
            '\u{3000}' => out.write_str("⎵"),
            '\t' => out.write_str("⇥"),
            '\n' => out.write_str("↵"),
            _ if character.is_ascii_control() => write!(out, "<{:02X}>", u32::from(character)),
            _ if is_invisible(character) || is_combining(character) => {
                write!(out, "<U+{:04X}>", u32::from(character))
            }
            _ if home.is_some_and(|home| is_marked(character, &text[at..], home)) => {
                write!(out, "{character}<U+{:04X}>", u32::from(character))
            }
            _ => out.write_char(character),
        };
    }
}

fn push_bytes(out: &mut String, bytes: &[u8]) {
    for (index, byte) in bytes.iter().enumerate() {
        let _ = write!(out, "{}{byte:02X}", if index == 0 { '<' } else { ' ' });
    }
    if !bytes.is_empty() {
        out.push('>');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_is_visible() {
        assert_eq!(token(0, Some(" a\tb\r\n\u{3000}"), None), "␣a⇥b<0D>↵⎵");
        assert_eq!(token(0, Some("\r"), None), "<0D>");
        assert_eq!(token(0, Some("\u{A0}\u{200B}\u{FEFF}"), None), "<U+00A0><U+200B><U+FEFF>");
    }

    #[test]
    fn parts_of_characters_are_bytes() {
        assert_eq!(token(0, None, Some(&[0xE6, 0x9D])), "<E6 9D>");
        assert_eq!(token(0, None, Some(b"\xB1 a")), "<B1>␣a");
        // Two invalid sequences in a row are two groups, as they are for the decoder.
        assert_eq!(token(0, None, Some(&[0xFF, 0xFE])), "<FF><FE>");
        // Only the id is left to show.
        assert_eq!(token(9, Some(""), Some(b"")), "#9");
    }

    #[test]
    fn no_character_stays_invisible() {
        for code in 0..=0x10_FFFF {
            let Some(character) = char::from_u32(code) else { continue };
            let shown = token(0, Some(&character.to_string()), None);
            assert!(!shown.chars().any(is_invisible), "U+{code:04X} is shown as {shown:?}");
        }
    }

    #[test]
    fn lines_keep_inner_spaces() {
        assert_eq!(line("  a  b "), "␣␣a  b␣");
        assert_eq!(line("  "), "␣␣");
        assert_eq!(line(""), "");
        assert_eq!(line("a\u{3000}b"), "a⎵b");
    }
}
