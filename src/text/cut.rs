//! How a tokenizer splits a text: the tokens, and the characters that are lost.

use super::Tokenizer;
use super::pipeline::Encoded;
use crate::Result;
use crate::trace::{Piece, Segmentation};

impl Tokenizer {
    /// Splits `text` into tokens. Unlike [`Self::encode`], it accepts characters that are not in the
    /// vocabulary, and records them as lost.
    ///
    /// `name` is the tokenizer's name in the record. With `add_special_tokens`, the record includes the
    /// special tokens that the tokenizer adds before and after the text.
    ///
    /// ```
    /// use sukashi::weights::ModelFiles;
    ///
    /// let tokenizer = ModelFiles::embedded()?.tokenizer.expect("it has one");
    /// let cut = tokenizer.cut("soseki-mini", "猫🦀", false)?;
    /// assert_eq!(cut.pieces.len(), 2);
    /// assert_eq!(Vec::from_iter(cut.lost()), ["🦀"]);
    /// # Ok::<(), sukashi::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Bad input if the tokenizer rejects the whole text, as a word-level one without an unknown token does.
    pub fn cut(&self, name: &str, text: &str, add_special_tokens: bool) -> Result<Segmentation> {
        let Encoded { encoding, dropped } = self.encoded(text, add_special_tokens)?;
        let mut pieces = Vec::with_capacity(encoding.len());
        for (&id, &(start, end)) in encoding.get_ids().iter().zip(encoding.get_offsets()) {
            let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
            let own = text.get(start..end).unwrap_or_default();
            let is_lost = |unknown: &super::tokenizer::Unknown| {
                unknown.id == id && unknown.text != own && !own.is_empty()
            };
            let replaces = self.unknown.as_ref().filter(|unknown| is_lost(unknown)).map(|_| own.to_owned());
            pieces.push(Piece { token: self.token(id), replaces });
        }
        let dropped = dropped.into_iter().map(|(start, end)| text[start..end].to_owned()).collect();
        Ok(Segmentation { tokenizer: name.to_owned(), vocab_size: self.vocab_size(), pieces, dropped })
    }
}
