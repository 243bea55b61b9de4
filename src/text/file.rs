//! Reading text files.

use crate::{Error, Result};

pub(super) use crate::file::read;

/// Decodes a text file as an editor may have saved it: removes a byte order mark, and changes CR LF to LF.
/// Error messages call the file `label`.
///
/// ```
/// let text = sukashi::text::plain_text("a.txt", b"\xEF\xBB\xBF\xE7\x8C\xAB\r\n".to_vec())?;
/// assert_eq!(text, "猫\n");
/// # Ok::<(), sukashi::Error>(())
/// ```
///
/// # Errors
///
/// Bad input if the bytes are not UTF-8.
pub fn plain_text(label: &str, bytes: Vec<u8>) -> Result<String> {
    if let [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] = bytes[..] {
        return Err(Error::input(format!("cannot read {label}: it is UTF-16"))
            .detail("found the byte order mark of UTF-16, expected UTF-8")
            .hint("save it as UTF-8"));
    }
    let mut text = String::from_utf8(bytes)
        .map_err(|cause| Error::input(format!("cannot read {label}: it is not UTF-8")).caused_by(cause))?;
    if text.starts_with('\u{FEFF}') {
        text.remove(0);
    }
    Ok(if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text })
}
