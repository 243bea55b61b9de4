//! sukashi (透かし, "see through"): an LLM runtime that you can see through.

pub mod error;
pub mod model;
pub mod output;
pub mod sampling;
pub mod text;
pub mod trace;
pub mod weights;

pub use error::{Error, ErrorKind, Result};
pub use trace::Trace;
