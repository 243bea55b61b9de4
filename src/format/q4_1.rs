//! Q4_1: a block is a scale, an offset, and 16 bytes of nibbles.

use super::blocks::{Unpacked, half, nibbles};
use super::{Blocks, Description, Quants, Scales, Storage};

pub(super) const Q4_1: Description = Description {
    name: "q4_1",
    gguf_type: 3,
    storage: Storage::Quants(
        Quants { bits: 4, bias: 0, scales: Scales::Pair },
        Blocks { bytes: 20, halves: &[0, 2], unpack },
    ),
};

fn unpack(block: &[u8], to: &mut Unpacked<'_>) {
    to.scales[0] = half(block, 0) | half(block, 2) << 16;
    nibbles(&block[4..], to.quants);
}
