//! Measures how fast a model runs on a device, and how fast the device could run it.
//!
//! [`Rates::probe`] runs kernels that only read or only compute. They tell how many bytes per second a device reads,
//! and how many multiply-adds per second it computes. At these rates, reading and multiplying the weights takes a time
//! that no decoded token can undercut. This is the roofline (Williams, Waterman & Patterson 2009). [`Report`] gives the
//! speed of decoding as a fraction of it.

mod decoding;
mod probe;
mod report;
mod shapes;

pub use decoding::{BenchSettings, run};
pub use probe::Rates;
pub use report::{Chosen, Cost, KernelTime, Report, Roofline, Spread, Together};
pub use shapes::{SHAPES, synthetic};

/// The name of the schema of a [`Report`] in JSON.
pub const SCHEMA: &str = "sukashi.bench/2";
