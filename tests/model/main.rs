//! Compares whole models with PyTorch's float64, on every device of this machine.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, also in its helpers")]

mod ablation;
mod batch;
mod byte_sources;
mod capture;
mod common;
mod fusion;
#[path = "../gguf/mod.rs"]
mod gguf;
mod gguf_models;
mod goldens;
mod passes;
mod pipelined;
mod score;
#[path = "../skip/mod.rs"]
mod skip;
mod tuned;
