//! Text to token ids and back.
//!
//! A token stands for bytes, not for characters: a byte-level vocabulary cuts Japanese text in the middle of a
//! character. [`Tokenizer::token`] gives those bytes, and [`StreamDecoder`] waits until characters are whole.

mod cut;
mod decode;
mod merge_tree;
mod merges;
mod pieces;
mod prompt;
mod tokenizer;
mod train;
mod unknown;
mod vocabulary;

pub use decode::StreamDecoder;
pub(crate) use prompt::check_ids;
pub use prompt::{check_prompt, parse_ids};
pub use tokenizer::{EncodeOptions, Tokenizer};
pub use train::{TokenizerKind, Training};
pub use vocabulary::Vocabulary;
