//! Kernels against their twins on every adapter, and the twins against values by definition.

#[path = "../adapters/mod.rs"]
mod adapters;
mod controls;
mod sweep;
mod twins;
