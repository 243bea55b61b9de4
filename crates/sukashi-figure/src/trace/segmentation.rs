//! How tokenizers cut a text, and what that costs.

use serde::{Deserialize, Serialize};

use super::Token;

/// How one tokenizer cuts a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segmentation {
    /// The name of the tokenizer.
    pub tokenizer: String,
    /// The number of its tokens.
    pub vocab_size: usize,
    /// The tokens, in the text's order.
    pub pieces: Vec<Piece>,
    /// Characters that became no token at all, in the text's order.
    pub dropped: Vec<String>,
}

/// One token of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// What the unknown token stands for here; `None` for every other token.
    pub replaces: Option<String>,
}

/// The cost of a text in a vocabulary, if every token is written with the same number of bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TextCost {
    /// The text as UTF-8, in bits.
    pub utf8_bits: u64,
    /// How many tokens there are.
    pub num_tokens: u64,
    /// Bits that tell a token from all others: ⌈log2 vocab_size⌉.
    pub bits_per_token: u32,
    /// All tokens, in bits.
    pub bits: u64,
    /// How many times the UTF-8 text is as long: above 1 where tokens are shorter. 0 without tokens.
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

    /// Passages of the text that cannot be had back from the tokens.
    pub fn lost(&self) -> impl Iterator<Item = &str> {
        let replaced = self.pieces.iter().filter_map(|piece| piece.replaces.as_deref());
        replaced.chain(self.dropped.iter().map(String::as_str))
    }
}
