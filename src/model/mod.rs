//! The model: one decoder, described by a [`spec::DecoderSpec`].

mod config;
pub mod gpt2;
pub mod spec;

pub use spec::DecoderSpec;
