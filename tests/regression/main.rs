//! What files and texts of strangers did wrong once, by number of case.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;
mod weights;
