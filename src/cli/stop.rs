//! Texts and tokens that end a generation.

use sukashi::text::StopTexts;
use sukashi::{Error, Result};

use super::text::GrowingText;

/// The texts and tokens before which a generation ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stops {
    pub texts: Vec<String>,
    pub ids: Vec<u32>,
}

impl Stops {
    /// Checks that a model with `vocab_size` tokens can generate these.
    pub fn check(&self, has_tokenizer: bool, vocab_size: usize) -> Result<()> {
        if self.texts.iter().any(String::is_empty) {
            return Err(Error::input("cannot stop at an empty text").hint("leave it out"));
        }
        if !self.texts.is_empty() && !has_tokenizer {
            return Err(Error::input("cannot stop at a text: the model has no tokenizer.json")
                .hint("--stop-id ID stops at a token"));
        }
        match self.ids.iter().find(|&&id| id as usize >= vocab_size) {
            Some(id) => Err(Error::input("cannot stop at a token that is past the vocabulary")
                .detail(format!("found id {id}, expected at most {}", vocab_size.saturating_sub(1)))),
            None => Ok(()),
        }
    }
}

/// Gives the next token to the search for stop texts. Returns the text that may be shown, and whether a stop text follows it.
/// `is_end` says whether the token ends the text. A stop text may end with that token.
pub fn push_token(stop: &mut StopTexts, text: &mut GrowingText<'_>, id: u32, is_end: bool) -> (String, bool) {
    match text.special(id) {
        Some(spelling) => stop.push_special(spelling),
        None if is_end => (String::new(), false),
        None => stop.push(text.push(id)),
    }
}
