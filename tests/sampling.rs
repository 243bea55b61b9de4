//! Compares the sampler with an independent reference implementation, and checks the trace's formats.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "sampling/choice.rs"]
mod choice;
#[path = "sampling/errors.rs"]
mod errors;
#[path = "sampling/formats.rs"]
mod formats;
#[path = "sampling/properties.rs"]
mod properties;
#[path = "sampling/recorded.rs"]
mod recorded;
#[path = "sampling/reference.rs"]
mod reference;
#[path = "sampling/stages.rs"]
mod stages;
#[path = "sampling/steps.rs"]
mod steps;
