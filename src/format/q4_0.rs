//! Q4_0: a block is a scale and 16 bytes of nibbles.

use super::blocks::{Unpacked, half, nibbles};
use super::{Blocks, Description, Quants, Scales, Storage};

pub(super) const Q4_0: Description = Description {
    name: "q4_0",
    gguf_type: 2,
    storage: Storage::Quants(
        Quants { bits: 4, bias: 8, scales: Scales::Single },
        Blocks { bytes: 18, halves: &[0], unpack },
    ),
};

fn unpack(block: &[u8], to: &mut Unpacked<'_>) {
    to.scales[0] = half(block, 0);
    nibbles(&block[2..], to.quants);
}
