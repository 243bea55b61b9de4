//! Q5_1: a block is a scale, an offset, 32 fifth bits, and 16 bytes of nibbles.

use super::blocks::{Unpacked, fifth_bits, half, nibbles};
use super::{Blocks, Description, Quants, Scales, Storage};

pub(super) const Q5_1: Description = Description {
    name: "q5_1",
    gguf_type: 7,
    storage: Storage::Quants(
        Quants { bits: 5, bias: 0, scales: Scales::Pair },
        Blocks { bytes: 24, halves: &[0, 2], unpack },
    ),
};

fn unpack(block: &[u8], to: &mut Unpacked<'_>) {
    to.scales[0] = half(block, 0) | half(block, 2) << 16;
    nibbles(&block[8..], to.quants);
    fifth_bits(&block[4..8], to.quants);
}
