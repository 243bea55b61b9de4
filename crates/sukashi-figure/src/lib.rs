//! Figures of how a language model chooses its next token: SVG, PNG and data.
//!
//! The log-probabilities may come from any model and any program. A [`Trace`] records them, a figure is a pure function of
//! that record, and neither needs a GPU. The crate `sukashi` runs models and makes the same records.
//!
//! | Step | Item |
//! |---|---|
//! | logits → next token | [`Sampler`], a chain of [`sampling::Stage`]s |
//! | what happened | [`trace::StepRecorder`] makes each [`trace::Step`] of a [`Trace`] |
//! | trace → SVG, PNG, data | [`figure`] |
//!
//! `examples/log_probs.rs` draws a figure from numbers in an array. Nothing here blocks or reads the environment, and errors
//! are values ([`Error`]).
//!
//! The feature `embedded-fonts`, on by default, adds the faces that text is drawn with. Without it, a [`figure::Style`] needs
//! [`figure::Fonts`] that the caller gives.

pub mod error;
pub mod figure;
pub mod file;
pub mod json_cause;
mod names;
pub mod sampling;
pub mod shown;
pub mod trace;
pub mod visible;

pub use error::{Error, ErrorKind, Result};
pub use sampling::Sampler;
pub use trace::Trace;

// The example in the README compiles and runs, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
