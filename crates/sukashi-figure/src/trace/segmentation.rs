//! The tokens into which tokenizers cut a text, and their cost.

use serde::{Deserialize, Serialize};

use super::Token;

/// The tokens into which a tokenizer cuts a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segmentation {
    /// The name of the tokenizer.
    pub tokenizer: String,
    /// The number of the tokenizer's tokens.
    pub vocab_size: usize,
    /// The tokens, in the text's order.
    pub pieces: Vec<Piece>,
    /// The characters that no token has, in the text's order.
    pub dropped: Vec<String>,
}

/// One token of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// The text that the unknown token replaces here. `None` for every other token.
    pub replaces: Option<String>,
}

/// The cost of a text in a vocabulary, if every token is written with the same number of bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TextCost {
    /// The length of the text as UTF-8, in bits.
    pub utf8_bits: u64,
    /// The number of tokens.
    pub num_tokens: u64,
    /// The bits of a token: ⌈log2 vocab_size⌉.
    pub bits_per_token: u32,
    /// The bits of all tokens.
    pub bits: u64,
    /// The length as UTF-8, divided by the length in tokens. It is above 1 if tokens are shorter, and 0 without tokens.
    pub ratio: f64,
}

impl Segmentation {
    /// Returns the cost of `text`, the text that was cut.
    ///
    /// ```
    /// use sukashi_figure::trace::{Piece, Segmentation, Token};
    ///
    /// let piece = |id: u32| Piece { token: Token { id, text: None, bytes: Some(vec![id as u8]) }, replaces: None };
    /// let bytes = Segmentation {
    ///     tokenizer: "bytes".to_owned(),
    ///     vocab_size: 256,
    ///     pieces: [0xE7, 0x8C, 0xAB].map(piece).to_vec(),
    ///     dropped: Vec::new(),
    /// };
    /// let cost = bytes.cost("猫");
    /// assert_eq!((cost.num_tokens, cost.bits_per_token, cost.bits, cost.ratio), (3, 8, 24, 1.0));
    /// ```
    pub fn cost(&self, text: &str) -> TextCost {
        let utf8_bits = 8 * text.len() as u64;
        let num_tokens = self.pieces.len() as u64;
        let bits_per_token = (usize::BITS - self.vocab_size.saturating_sub(1).leading_zeros()).max(1);
        let bits = num_tokens * u64::from(bits_per_token);
        let ratio = if bits == 0 { 0.0 } else { utf8_bits as f64 / bits as f64 };
        TextCost { utf8_bits, num_tokens, bits_per_token, bits, ratio }
    }

    /// Returns the passages of the text that the tokens do not hold.
    pub fn lost(&self) -> impl Iterator<Item = &str> {
        let replaced = self.pieces.iter().filter_map(|piece| piece.replaces.as_deref());
        replaced.chain(self.dropped.iter().map(String::as_str))
    }
}
