//! sukashi (透かし, "see through"): an LLM runtime that you can see through.
//!
//! WGSL compute shaders run a model on any GPU through wgpu. A sampler reads the logits and chooses tokens. Each number
//! of the computation can become data or a figure. One path leads from a prompt to a figure:
//! | Step | Item |
//! |---|---|
//! | text → token ids | [`text::Tokenizer`], [`Model::encode`] |
//! | where it runs | [`Device`]: a [`Gpu`], or the [CPU](cpu), for the [kernels] |
//! | token ids → logits | [`Session`] on a [`Model`], or a [`BatchSession`] for several texts |
//! | inside the model | [`model::Capture`]: hidden states, attention, logits at every position |
//! | logits → next token | [`Sampler`], a chain of [`sampling::Stage`]s |
//! | the record of the run | [`trace::StepRecorder`] makes each [`trace::Step`] of a [`Trace`] |
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
//! let logits = session.prefill(&ids).await?;
//! let step = StepRecorder::new(10).sample(&mut sampler, logits, &ids, |id| model.token(id))?;
//! let trace = model.trace(&ids, sampler.settings(), vec![step])?;
//!
//! let figure = next_token(&trace, &NextToken::default(), &Style::default())?;
//! assert!(figure.svg().starts_with("<svg"));
//! # Ok::<(), sukashi::Error>(()) }).unwrap();
//! ```
//!
//! The library does not block, print or read the environment. Functions that wait for a device are `async`, and run on
//! any executor. Bad input is an [`Error`]. A panic is a caller's bug, and its causes are documented.
//!
//! All features are on by default:
//!
//! | Feature | Without it |
//! |---|---|
//! | `cli` | the program is not built |
//! | `gpu` | no adapter is found, and models run on the CPU; wgpu is not built |
//! | `serve` | there is no server |
//! | `hub` | models are folders and files, not names on the Hugging Face Hub |
//! | `embedded-model` | [`Model::embedded`] is an error |
//! | `embedded-fonts` | figures need [`figure::Fonts`] that the caller gives |
//!
//! [`error`], [`sampling`], [`trace`] and [`figure`] are from the crate [`sukashi_figure`], which has neither models
//! nor devices.

pub mod bench;
pub mod bigram;
pub mod cpu;
pub mod device;
pub mod dispatch;
pub mod format;
#[cfg_attr(not(feature = "gpu"), path = "gpu/absent.rs")]
pub mod gpu;
pub mod kernels;
pub mod language_model;
pub mod model;
pub mod output;
#[cfg(feature = "serve")]
pub mod serve;
pub mod text;
pub mod threads;
pub mod tuning;
pub mod verify;
pub mod weights;

pub use device::Device;
pub use gpu::Gpu;
pub use language_model::LanguageModel;
pub use model::{BatchSession, Model, Session};
pub use sukashi_figure::{
    Error, ErrorKind, Result, Sampler, Trace, error, figure, file, sampling, shown, trace,
};
use sukashi_figure::{json_cause, names};

// The examples in the READMEs compile and run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
#[cfg(doctest)]
#[doc = include_str!("../README.ja.md")]
mod readme_ja {}
