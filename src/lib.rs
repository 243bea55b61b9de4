//! sukashi (透かし, "see through"): an LLM runtime that you can see through.
//!
//! WGSL compute shaders run the model on any GPU through wgpu, logits are read back to a sampler, and every number on
//! the way to the next token becomes a figure or data. One path leads from a prompt to a figure:
//!
//! | Step | Item |
//! |---|---|
//! | text → token ids | [`text::Tokenizer`], [`Model::encode`] |
//! | where it runs | [`Device`]: a [`Gpu`], or the [CPU](cpu), for the [kernels] |
//! | token ids → logits | [`Session`] on a [`Model`], or a [`BatchSession`] for several texts |
//! | inside the model | [`model::Capture`]: hidden states, attention, logits at every position |
//! | logits → next token | [`Sampler`], a chain of [`sampling::Stage`]s |
//! | what happened | [`trace::StepRecorder`] makes each [`trace::Step`] of a [`Trace`] |
//! | trace → SVG, PNG, data | [`figure`] |
//!
//! ```
//! # pollster::block_on(async {
//! use sukashi::figure::{NextToken, Style, next_token};
//! use sukashi::sampling::Settings;
//! use sukashi::trace::StepRecorder;
//! use sukashi::{Device, Model, Sampler, Session};
//!
//! let model = Model::embedded(&Device::request("auto").await?)?;
//! let ids = model.encode("吾輩は")?;
//! let mut session = Session::new(&model)?;
//! let mut sampler = Sampler::new(Settings::default(), model.spec().vocab_size)?;
//!
//! let mut trace = model.trace(&ids, sampler.settings())?;
//! let logits = session.prefill(&ids).await?;
//! trace.steps.push(StepRecorder::new(10).sample(&mut sampler, logits, &ids, |id| model.token(id))?);
//!
//! let figure = next_token(&trace, &NextToken::default(), &Style::default())?;
//! assert!(figure.svg().starts_with("<svg"));
//! # Ok::<(), sukashi::Error>(()) }).unwrap();
//! ```
//!
//! Nothing here blocks, prints or reads the environment: what waits for a device is `async`, and any executor will do.
//! Errors are values ([`Error`]); a panic is a caller's bug, and documented.
//!
//! The feature `cli`, on by default, adds what only the program needs.

pub mod bench;
pub mod bigram;
pub mod cpu;
pub mod device;
pub mod error;
pub mod figure;
pub mod file;
pub mod gpu;
mod json_cause;
pub mod kernels;
pub mod language_model;
pub mod model;
mod names;
pub mod output;
pub mod sampling;
pub mod shown;
pub mod tensor;
pub mod text;
pub mod threads;
pub mod trace;
pub mod tuning;
pub mod verify;
pub mod weights;

pub use device::Device;
pub use error::{Error, ErrorKind, Result};
pub use gpu::Gpu;
pub use language_model::LanguageModel;
pub use model::{BatchSession, Model, Session};
pub use sampling::Sampler;
pub use trace::Trace;

// The examples in the READMEs compile and run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
#[cfg(doctest)]
#[doc = include_str!("../README.ja.md")]
mod readme_ja {}
