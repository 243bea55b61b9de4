//! The model: a decoder that a [`spec::DecoderSpec`] describes, for all families.

mod ablation;
mod capture;
mod capture_pass;
mod config;
mod dump;
mod family;
mod fields;
mod files;
mod forward;
mod kv_cache;
mod load;
mod loader;
mod mixing;
mod point;
mod prompt_pass;
mod records;
pub mod rope;
mod rows;
mod score;
mod session;
pub mod spec;
mod taps;
mod tensors;
mod unloaded;
mod weights;

pub use ablation::Ablation;
pub use capture::{Capture, CaptureRequest, Captured};
pub use family::Family;
pub use load::Model;
pub use mixing::{Head, mix};
pub use point::{Part, Point};
pub use records::{attention, check_layer_and_head, lens};
pub use score::score;
pub use session::{BatchSession, LogitRows, PipelinedDecode, Session, Window, prefill_tokens};
pub use spec::DecoderSpec;
pub use unloaded::UnloadedModel;
