//! Q4_K: a block is two factors, 12 bytes of six-bit scales and minimums, and 128 bytes of nibbles.

use super::blocks::{Unpacked, half, six_bit_scales, wide_nibbles};
use super::{Blocks, Description, Quants, Scales, Storage};

pub(super) const Q4K: Description = Description {
    name: "q4_k",
    gguf_type: 12,
    storage: Storage::Quants(
        Quants { bits: 4, bias: 0, scales: Scales::Minimums },
        Blocks { bytes: 144, halves: &[0, 2], unpack },
    ),
};

fn unpack(block: &[u8], to: &mut Unpacked<'_>) {
    to.scales[0] = half(block, 0) | half(block, 2) << 16;
    six_bit_scales(&block[4..16], &mut to.scales[1..]);
    wide_nibbles(&block[16..], to.quants);
}
