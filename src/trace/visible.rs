//! Tokens as people can read them: whitespace, control characters and parts of characters made visible.
//!
//! | In the token | Shown |
//! |---|---|
//! | space | `␣` |
//! | full-width space (U+3000) | `⎵` |
//! | line feed, carriage return + line feed | `↵` |
//! | tab | `⇥` |
//! | other ASCII control characters | `<07>` |
//! | other spaces, format and invisible characters | `<U+200B>` |
//! | bytes that are only part of a character | `<E6 9D>` |
//! | no text at all | the id: `#123` |

use std::fmt::Write;

/// One token: from its bytes if they are known, else from its text, else its id.
///
/// ```
/// use sukashi::trace::visible;
///
/// assert_eq!(visible::token(2, Some(" the"), Some(b" the")), "␣the");
/// assert_eq!(visible::token(3, Some("\u{FFFD}"), Some(&[0xE6, 0x9D])), "<E6 9D>");
/// assert_eq!(visible::token(123, None, None), "#123");
/// ```
pub fn token(id: u32, text: Option<&str>, bytes: Option<&[u8]>) -> String {
    let mut out = String::new();
    match (bytes, text) {
        (Some(bytes), _) if !bytes.is_empty() => {
            for chunk in bytes.utf8_chunks() {
                push_text(&mut out, chunk.valid(), "␣");
                push_bytes(&mut out, chunk.invalid());
            }
        }
        (_, Some(text)) if !text.is_empty() => push_text(&mut out, text, "␣"),
        _ => out = format!("#{id}"),
    }
    out
}

/// A passage in one line: like [`token`], but spaces inside it stay as they are.
///
/// ```
/// use sukashi::trace::visible;
///
/// assert_eq!(visible::line("to be\nor not "), "to be↵or not␣");
/// ```
pub fn line(text: &str) -> String {
    let inner = text.trim_matches(' ');
    let mut out = String::new();
    let leading = if inner.is_empty() { 0 } else { text.len() - text.trim_start_matches(' ').len() };
    (0..leading).for_each(|_| out.push('␣'));
    push_text(&mut out, inner, " ");
    (0..text.len() - leading - inner.len()).for_each(|_| out.push('␣'));
    out
}

/// Whether `character` would leave no mark on paper, or would move or hide others.
///
/// True for control and format characters, for every space, for fillers, variation selectors and
/// noncharacters.
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

fn push_text(out: &mut String, text: &str, space: &str) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        // Writing into a String cannot fail.
        let _ = match character {
            ' ' => out.write_str(space),
            '\u{3000}' => out.write_str("⎵"),
            '\t' => out.write_str("⇥"),
            '\r' if characters.peek() == Some(&'\n') => continue,
            '\n' => out.write_str("↵"),
            _ if character.is_ascii_control() => write!(out, "<{:02X}>", u32::from(character)),
            _ if is_invisible(character) => write!(out, "<U+{:04X}>", u32::from(character)),
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
        assert_eq!(token(0, Some(" a\tb\r\n\u{3000}"), None), "␣a⇥b↵⎵");
        assert_eq!(token(0, Some("\r"), None), "<0D>");
        assert_eq!(token(0, Some("\u{A0}\u{200B}\u{FEFF}"), None), "<U+00A0><U+200B><U+FEFF>");
    }

    #[test]
    fn parts_of_characters_are_bytes() {
        assert_eq!(token(0, None, Some(&[0xE6, 0x9D])), "<E6 9D>");
        assert_eq!(token(0, None, Some(b"\xB1 a")), "<B1>␣a");
        // Two invalid sequences in a row are two groups, as the decoder sees them.
        assert_eq!(token(0, None, Some(&[0xFF, 0xFE])), "<FF><FE>");
        // Nothing to show but the id.
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
