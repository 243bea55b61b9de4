//! The model: one decoder, described by a [`spec::DecoderSpec`], whichever family it comes from.

mod capture;
mod config;
mod dump;
mod forward;
pub mod gemma3;
pub mod gpt2;
mod kv_cache;
pub mod llama;
mod load;
mod loader;
mod mixing;
pub mod rope;
mod session;
pub mod spec;
mod weights;

pub use capture::{Capture, CaptureRequest};
pub use load::Model;
pub use mixing::{Head, mix};
pub use session::Session;
pub use spec::DecoderSpec;
