//! Floating point: each element stands alone, and rows lie on a device as in a file.

use super::{Description, Storage};

pub(super) const F32: Description =
    Description { name: "f32", gguf_type: 0, storage: Storage::Floats { code: 0, bytes: 4 } };

pub(super) const F16: Description =
    Description { name: "f16", gguf_type: 1, storage: Storage::Floats { code: 1, bytes: 2 } };

pub(super) const BF16: Description =
    Description { name: "bf16", gguf_type: 30, storage: Storage::Floats { code: 2, bytes: 2 } };
