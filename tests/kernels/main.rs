//! Kernels against their twins on every adapter, and the twins against values by definition.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

#[path = "../adapters/mod.rs"]
mod adapters;
mod attention_twins;
mod controls;
#[path = "../skip/mod.rs"]
mod skip;
mod sweep;
mod twins;
