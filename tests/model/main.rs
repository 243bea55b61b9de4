//! The whole model against PyTorch's float64, on every device that is there.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, also in its helpers")]

mod ablation;
mod batch;
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
