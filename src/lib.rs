//! sukashi (透かし, "see through"): an LLM runtime that you can see through.

pub mod error;
pub mod figure;
pub mod sampling;
pub mod trace;

pub use error::{Error, ErrorKind, Result};
pub use trace::Trace;
