//! Decodes tokens one at a time into whole characters.

use super::Tokenizer;
use super::pieces::Pieces;
use super::tokenizer::guarded;

/// Turns tokens that arrive one at a time into text. It holds back incomplete characters.
///
/// The pieces joined together equal [`Tokenizer::decode`] of all ids. Bytes that can no longer become a
/// character are replaced by U+FFFD.
///
/// ```
/// use sukashi::weights::ModelFiles;
///
/// let tokenizer = ModelFiles::embedded()?.tokenizer.expect("it has one");
/// let mut stream = tokenizer.stream();
/// let ids = tokenizer.encode("猫である", Default::default())?;
/// let parts: Vec<String> = ids.iter().filter_map(|&id| stream.push(id)).collect();
/// assert_eq!(parts, ["猫", "で", "あ", "る"]);
/// assert_eq!(stream.finish(), None);
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug)]
pub struct StreamDecoder<'a> {
    tokenizer: &'a Tokenizer,
    /// Bytes of a character that is not complete yet.
    pending: Vec<u8>,
    /// How many more leading spaces to drop.
    strip_start: usize,
    /// For [`Pieces::Joined`]: all ids so far, and how many bytes of their text were returned.
    joined: (Vec<u32>, usize),
}

impl<'a> StreamDecoder<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer) -> Self {
        let strip_start = match tokenizer.pieces {
            Pieces::Text { strip_start, .. } => strip_start,
            _ => 0,
        };
        Self { tokenizer, pending: Vec::new(), strip_start, joined: (Vec::new(), 0) }
    }

    /// Takes the next token and returns the text that it completes, if any. Special tokens produce no text.
    pub fn push(&mut self, id: u32) -> Option<String> {
        if self.tokenizer.is_special(id) {
            return None;
        }
        if self.tokenizer.pieces == Pieces::Joined {
            return self.push_joined(id);
        }
        match self.tokenizer.bytes_of(id) {
            Some(bytes) => self.pending.extend(bytes),
            None => self.pending.extend("\u{FFFD}".bytes()),
        }
        let complete = complete_bytes(&self.pending);
        let text = String::from_utf8_lossy(&self.pending[..complete]).into_owned();
        self.pending.drain(..complete);
        self.without_first_spaces(text)
    }

    /// Ends the text and returns U+FFFD for an incomplete character, if one is left.
    pub fn finish(&mut self) -> Option<String> {
        let rest = String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned();
        (!rest.is_empty()).then_some(rest)
    }

    fn without_first_spaces(&mut self, mut text: String) -> Option<String> {
        while self.strip_start > 0 && !text.is_empty() {
            self.strip_start -= 1;
            if text.starts_with(' ') {
                text.remove(0);
            } else {
                self.strip_start = 0;
            }
        }
        (!text.is_empty()).then_some(text)
    }

    fn push_joined(&mut self, id: u32) -> Option<String> {
        let (ids, returned) = &mut self.joined;
        ids.push(id);
        // Make it visible that the decoder failed on this token.
        let Ok(text) = guarded(|| self.tokenizer.inner.decode(ids, true)) else {
            ids.pop();
            return Some("\u{FFFD}".to_owned());
        };
        let new = text.get(*returned..).filter(|new| !new.is_empty())?.to_string();
        *returned = text.len();
        Some(new)
    }
}

/// How many bytes can be decoded now: all except an incomplete character at the end.
fn complete_bytes(bytes: &[u8]) -> usize {
    let mut complete = 0;
    loop {
        match std::str::from_utf8(&bytes[complete..]) {
            Ok(_) => return bytes.len(),
            Err(error) => match error.error_len() {
                Some(wrong) => complete += error.valid_up_to() + wrong,
                None => return complete + error.valid_up_to(),
            },
        }
    }
}
