//! sukashi (透かし, "see through"): an LLM runtime that you can see through.

pub mod cpu;
pub mod device;
pub mod error;
pub mod gpu;
pub mod kernels;
pub mod sampling;
pub mod tensor;
pub mod trace;

pub use device::Device;
pub use error::{Error, ErrorKind, Result};
pub use gpu::Gpu;
pub use trace::Trace;
