//! Q6_K: a block is 128 bytes of nibbles, 64 bytes of pairs of upper bits, 16 signed scales, and a factor.

use super::blocks::{Unpacked, half, scale_bytes};
use super::{Blocks, Description, Quants, Scales, Storage};

pub(super) const Q6K: Description = Description {
    name: "q6_k",
    gguf_type: 14,
    storage: Storage::Quants(
        Quants { bits: 6, bias: 32, scales: Scales::Signed },
        Blocks { bytes: 210, halves: &[208], unpack },
    ),
};

fn unpack(block: &[u8], to: &mut Unpacked<'_>) {
    let (low, rest) = block.split_at(128);
    let (high, rest) = rest.split_at(64);
    to.scales[0] = half(rest, 16);
    scale_bytes(&rest[..16], &mut to.scales[1..]);
    for (half, quants) in to.quants.chunks_exact_mut(128).enumerate() {
        let (low, high) = (&low[64 * half..][..64], &high[32 * half..][..32]);
        for place in 0..32 {
            let upper = |pair: u8| (high[place] >> (2 * pair) & 3) << 4;
            quants[place] = low[place] & 15 | upper(0);
            quants[place + 32] = low[place + 32] & 15 | upper(1);
            quants[place + 64] = low[place] >> 4 | upper(2);
            quants[place + 96] = low[place + 32] >> 4 | upper(3);
        }
    }
}
