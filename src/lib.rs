//! sukashi (透かし, "see through"): an LLM runtime that you can see through.

pub mod cpu;
pub mod device;
pub mod error;
pub mod figure;
pub mod gpu;
pub mod kernels;
pub mod model;
pub mod output;
pub mod sampling;
pub mod tensor;
pub mod text;
pub mod trace;
pub mod verify;
pub mod weights;

pub use device::Device;
pub use error::{Error, ErrorKind, Result};
pub use gpu::Gpu;
pub use model::{Model, Session};
pub use sampling::Sampler;
pub use trace::Trace;
