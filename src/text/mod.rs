//! Tokenizers and chat templates.
//!
//! A token stands for bytes, not for characters: a byte-level vocabulary splits Japanese text in the middle
//! of a character. [`Tokenizer::token`] returns those bytes, and [`StreamDecoder`] waits until a character is
//! complete.
//!
//! [`ChatTemplate`] turns the [`Message`]s of a conversation into the text format that a model was trained
//! on.

mod bos_eos;
mod chat;
mod cut;
mod decode;
mod file;
mod growth;
mod jinja;
mod jinja_cost;
mod jinja_filters;
mod jinja_json;
mod jinja_methods;
mod jinja_source;
mod jinja_tree;
mod merge_tree;
mod merges;
mod message;
mod namespace;
mod parts;
mod patterns;
mod pieces;
mod pipeline;
mod prompt;
mod special_tokens;
mod stop_texts;
mod tokenizer;
mod tokenizer_config;
mod tokenizer_file;
mod train;
mod unknown;
mod variable;
mod vocabulary;

pub use chat::{ChatTemplate, RenderOptions};
pub use decode::StreamDecoder;
pub use file::plain_text;
pub use jiff::civil::DateTime;
pub use message::{Content, Message, Part};
pub(crate) use prompt::check_ids;
pub use prompt::{check_prompt, parse_ids};
pub use special_tokens::SpecialTokens;
pub use stop_texts::StopTexts;
pub use tokenizer::{EncodeOptions, Tokenizer};
pub use train::{TokenizerKind, Training};
pub use variable::{Variable, python_word};
pub use vocabulary::Vocabulary;
