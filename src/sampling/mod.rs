//! From logits to the next token: a chain of stages, each visible, and a choice.

mod settings;

pub use settings::{Choice, Settings};
