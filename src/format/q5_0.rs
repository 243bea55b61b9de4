//! Q5_0: a block is a scale, 32 fifth bits, and 16 bytes of nibbles.

use super::blocks::{Unpacked, fifth_bits, half, nibbles};
use super::{Blocks, Description, Quants, Scales, Storage};

pub(super) const Q5_0: Description = Description {
    name: "q5_0",
    gguf_type: 6,
    storage: Storage::Quants(
        Quants { bits: 5, bias: 16, scales: Scales::Single },
        Blocks { bytes: 22, halves: &[0], unpack },
    ),
};

fn unpack(block: &[u8], to: &mut Unpacked<'_>) {
    to.scales[0] = half(block, 0);
    nibbles(&block[6..], to.quants);
    fifth_bits(&block[2..6], to.quants);
}
