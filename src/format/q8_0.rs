//! Q8_0: a block is a scale and 32 signed bytes.

use super::blocks::{Unpacked, half};
use super::{Blocks, Description, Quants, Scales, Storage};

pub(super) const Q8_0: Description = Description {
    name: "q8_0",
    gguf_type: 8,
    storage: Storage::Quants(
        Quants { bits: 8, bias: 0, scales: Scales::Single },
        Blocks { bytes: 34, halves: &[0], unpack },
    ),
};

fn unpack(block: &[u8], to: &mut Unpacked<'_>) {
    to.scales[0] = half(block, 0);
    to.quants.copy_from_slice(&block[2..]);
}
