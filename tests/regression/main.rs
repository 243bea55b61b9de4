//! Faults that were found and mended, by the number of their case.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, also in its helpers")]

mod common;
mod figures;
