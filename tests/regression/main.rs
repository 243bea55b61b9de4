//! What went wrong once, by the number of its case.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, also in its helpers")]

mod common;
mod hostile_templates;
mod template;
mod terminal;
