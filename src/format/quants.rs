//! The form of quants and of their scales on a device.

use super::{BLOCK, SUPER_BLOCK, SUPER_BLOCK_SCALE_WORDS};

/// The form of the scales of weights. The shaders' module `weight` has constants of these values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scales {
    /// An f16 scale, two in a word.
    Single,
    /// An f16 scale and an f16 offset in a word.
    Pair,
    /// [`SUPER_BLOCK_SCALE_WORDS`] for each [`SUPER_BLOCK`]: f16 factors of scales and of minimums, then a byte for each of eight
    /// scales and of eight minimums.
    Minimums,
    /// [`SUPER_BLOCK_SCALE_WORDS`] for each [`SUPER_BLOCK`]: an f16 factor, then a signed byte for each of 16 scales.
    Signed,
}

/// The form of quants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quants {
    /// The bits of a quant: 4, 5, 6 or 8. The bits after the fourth one lie in a plane of their own. Eight bits are
    /// signed.
    pub bits: usize,
    /// The number that is subtracted from each quant; at least 0.
    pub bias: i32,
    pub scales: Scales,
}

impl Quants {
    /// Whether weights have an offset beside their scale.
    #[inline]
    pub fn has_offset(self) -> bool {
        match self.scales {
            Scales::Single | Scales::Signed => false,
            Scales::Pair | Scales::Minimums => true,
        }
    }

    /// The words of the three planes for a row of `columns`.
    #[inline]
    pub fn plane_words(self, columns: usize) -> [usize; 3] {
        let low = if self.bits == 8 { columns / 4 } else { columns / 8 };
        let high = match self.bits {
            5 => columns / 32,
            6 => columns / 16,
            _ => 0,
        };
        let scales = match self.scales {
            Scales::Single => columns.div_ceil(2 * BLOCK),
            Scales::Pair => columns / BLOCK,
            Scales::Minimums | Scales::Signed => columns / SUPER_BLOCK * SUPER_BLOCK_SCALE_WORDS,
        };
        [low, high, scales]
    }
}
