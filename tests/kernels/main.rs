//! Compares the CPU twins with values from their definitions, and checks what `sukashi::verify` reports and rejects.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod attention_twins;
mod controls;
mod twins;
