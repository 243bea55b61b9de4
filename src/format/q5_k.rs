//! Q5_K: a block is two factors, 12 bytes of six-bit scales and minimums, 32 bytes of fifth bits, and 128 bytes of nibbles.

use super::blocks::{Unpacked, half, six_bit_scales, wide_nibbles};
use super::{Blocks, Description, Quants, Scales, Storage};

pub(super) const Q5K: Description = Description {
    name: "q5_k",
    gguf_type: 13,
    storage: Storage::Quants(
        Quants { bits: 5, bias: 0, scales: Scales::Minimums },
        Blocks { bytes: 176, halves: &[0, 2], unpack },
    ),
};

fn unpack(block: &[u8], to: &mut Unpacked<'_>) {
    to.scales[0] = half(block, 0) | half(block, 2) << 16;
    six_bit_scales(&block[4..16], &mut to.scales[1..]);
    let (fifth, nibbles) = block[16..].split_at(32);
    wide_nibbles(nibbles, to.quants);
    for (index, quants) in to.quants.chunks_exact_mut(32).enumerate() {
        for (quant, bits) in quants.iter_mut().zip(fifth) {
            *quant |= (bits >> index & 1) << 4;
        }
    }
}
