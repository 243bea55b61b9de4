//! sukashi in a browser: a model on WebGPU or on the CPU, and figures of what it computes.
//!
//! | JavaScript | What it is |
//! |---|---|
//! | `Engine` | where a model runs, and why it runs there |
//! | `LoadedModel` | a model on an engine: tokens of a text, the next token, a writer |
//! | `Writer` | a text that grows token by token, with the record of each |
//! | `figure` | draws a record as an SVG |
//! | `Verifier` | compares an engine with the CPU twins, kernel by kernel |
//!
//! Records are JSON texts, the same as those of the program. Everything that waits for a GPU or for bytes is a `Promise`,
//! and everything that fails throws an `Error` with a `kind`.
//!
//! There is nothing here for other targets.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

mod byte_source;
mod drawing;
mod engine;
mod failure;
mod loaded_model;
mod run_options;
mod verifier;
mod writer;

pub use drawing::{Drawing, figure, figure_kinds, set_fonts};
pub use engine::Engine;
pub use loaded_model::LoadedModel;
pub use verifier::Verifier;
pub use writer::Writer;
