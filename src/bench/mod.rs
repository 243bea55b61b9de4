//! How fast a model runs on a device, and how fast the device could.
//!
//! [`Rates::probe`] asks a device, with kernels that do nothing else, how many bytes a second it reads and how many
//! multiply-adds a second it computes. No decoded token can be faster than its weights are read and multiplied at these rates:
//! that is the roofline (Williams, Waterman & Patterson 2009), and [`Report`] gives decoding as a fraction of it.

mod decoding;
mod probe;
mod report;
mod shapes;

pub use decoding::{BenchSettings, run};
pub use probe::Rates;
pub use report::{Chosen, Cost, KernelTime, Report, Roofline, Spread, Together};
pub use shapes::{SHAPES, synthetic};

/// The name of [`Report`]'s form in JSON.
pub const SCHEMA: &str = "sukashi.bench/2";
