//! Whole files, and the texts in them.

use crate::{Error, Result};

pub(super) use crate::file::read;

/// The text of a file that a person wrote; messages call it `label`.
///
/// Editors put a byte order mark before a text, and end its lines with CR LF: the mark is left out, and lines end with LF.
///
/// ```
/// let text = sukashi::text::plain_text("a.txt", b"\xEF\xBB\xBF\xE7\x8C\xAB\r\n".to_vec())?;
/// assert_eq!(text, "猫\n");
/// # Ok::<(), sukashi::Error>(())
/// ```
///
/// # Errors
///
/// Bad input where the bytes are not UTF-8.
pub fn plain_text(label: &str, bytes: Vec<u8>) -> Result<String> {
    if let [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] = bytes[..] {
        return Err(Error::input(format!("cannot read {label}: it is UTF-16"))
            .detail("found the byte order mark of UTF-16, expected UTF-8")
            .hint("save it as UTF-8"));
    }
    let mut text = String::from_utf8(bytes)
        .map_err(|cause| Error::input(format!("cannot read {label}: it is no UTF-8")).caused_by(cause))?;
    if text.starts_with('\u{FEFF}') {
        text.remove(0);
    }
    Ok(if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text })
}
