//! The whole model against PyTorch's float64, on every device that is there.

mod common;
mod goldens;
