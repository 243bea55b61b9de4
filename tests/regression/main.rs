//! Faults that were found once, by the number of their case. They must not come back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed, also in its helpers"
)]

mod common;
mod figures;
mod hostile_templates;
mod hostile_text;
mod random_templates;
#[path = "../skip/mod.rs"]
mod skip;
mod template;
mod terminal;
mod text;
mod weights;
