//! What bytes mean: the formats of weights, and how far apart rows lie. It knows no device.

/// Columns that share a step of a product: a block of the simplest quantised formats.
pub(crate) const BLOCK: usize = 32;

/// Rows start at a multiple of this many elements, so that shaders read a block of them at a time.
const ROW_ALIGNMENT: usize = BLOCK;

/// Elements from one row to the next, for rows of `columns`.
pub fn row_stride(columns: usize) -> usize {
    columns.next_multiple_of(ROW_ALIGNMENT)
}

/// Columns of a super-block, whose eight or sixteen scales share a factor.
pub(crate) const SUPER_BLOCK: usize = 256;

/// 32-bit words that hold the scales of a super-block: its factors, then a byte for each scale and minimum.
pub(crate) const SUPER_BLOCK_SCALE_WORDS: usize = 5;

/// How the elements of a weight matrix are stored on a device.
///
/// A row of a quantised format is three planes, each in the order of the columns: the low bits of the quants, their
/// high bits, and the scales; a row ends at a multiple of four words. A weight is `scale * quant + offset`. Source of the
/// formats: GGUF, whose blocks of 18 to 210 bytes are sorted into the planes when a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// IEEE single.
    F32,
    /// IEEE half, two a word.
    F16,
    /// The upper half of an IEEE single, two a word.
    Bf16,
    /// Eight bits; an f16 scale for 32 weights.
    Q8_0,
    /// Four bits less 8; an f16 scale for 32 weights.
    Q4_0,
    /// Four bits; an f16 scale and an f16 offset for 32 weights.
    Q4_1,
    /// Five bits less 16; an f16 scale for 32 weights.
    Q5_0,
    /// Five bits; an f16 scale and an f16 offset for 32 weights.
    Q5_1,
    /// Four bits; a six-bit scale and minimum for 32 weights, two f16 factors for 256.
    Q4K,
    /// Five bits; a six-bit scale and minimum for 32 weights, two f16 factors for 256.
    Q5K,
    /// Six bits less 32; an eight-bit scale for 16 weights, an f16 factor for 256.
    Q6K,
}

/// What a weight's scale is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scales {
    /// f16, two a word.
    Single,
    /// f16 scale and offset, a word.
    Pair,
    /// [`SUPER_BLOCK_SCALE_WORDS`] for each [`SUPER_BLOCK`].
    Super,
}

/// How quants are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quants {
    /// Bits of each: 4, 5, 6 or 8. Those past the fourth lie in a plane of their own; eight bits are signed.
    pub bits: usize,
    /// What is subtracted from each.
    pub bias: i32,
    pub scales: Scales,
}

impl Quants {
    /// Whether weights have an offset beside their scale.
    pub fn has_offset(self) -> bool {
        match self.scales {
            Scales::Single => false,
            Scales::Pair => true,
            Scales::Super => self.bias == 0,
        }
    }

    /// Words of the three planes for a row of `columns`.
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
            Scales::Super => columns / SUPER_BLOCK * SUPER_BLOCK_SCALE_WORDS,
        };
        [low, high, scales]
    }
}

impl Format {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 11] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// The value of the shaders' constant `FORMAT`.
    pub fn code(self) -> u32 {
        self as u32
    }

    /// The format of a [`Format::code`].
    ///
    /// # Panics
    /// If no format has this code.
    pub fn from_code(code: u32) -> Self {
        Self::ALL[code as usize]
    }

    /// `f32`, `q4_k`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
            Self::Q4_1 => "q4_1",
            Self::Q5_0 => "q5_0",
            Self::Q5_1 => "q5_1",
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
        }
    }

    /// Columns that are stored together: rows of a quantised format are a multiple of this.
    pub fn block_columns(self) -> usize {
        match self.quants() {
            None => 1,
            Some(Quants { scales: Scales::Super, .. }) => SUPER_BLOCK,
            Some(_) => BLOCK,
        }
    }

    /// 32-bit words for a row of `columns` elements, padding included.
    ///
    /// # Panics
    /// If `columns` is no multiple of [`Format::block_columns`].
    pub fn words_per_row(self, columns: usize) -> usize {
        assert!(columns.is_multiple_of(self.block_columns()), "{columns} columns of {}", self.name());
        match self.quants() {
            None if self == Self::F32 => row_stride(columns),
            None => row_stride(columns) / 2,
            Some(quants) => quants.plane_words(columns).iter().sum::<usize>().next_multiple_of(4),
        }
    }

    /// How quants are stored; `None` for floating point.
    pub(crate) fn quants(self) -> Option<Quants> {
        let (bits, bias, scales) = match self {
            Self::F32 | Self::F16 | Self::Bf16 => return None,
            Self::Q8_0 => (8, 0, Scales::Single),
            Self::Q4_0 => (4, 8, Scales::Single),
            Self::Q4_1 => (4, 0, Scales::Pair),
            Self::Q5_0 => (5, 16, Scales::Single),
            Self::Q5_1 => (5, 0, Scales::Pair),
            Self::Q4K => (4, 0, Scales::Super),
            Self::Q5K => (5, 0, Scales::Super),
            Self::Q6K => (6, 32, Scales::Super),
        };
        Some(Quants { bits, bias, scales })
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn codes_are_places_in_the_list() {
        for (index, format) in Format::ALL.into_iter().enumerate() {
            assert_eq!(format.code() as usize, index);
            assert_eq!(Format::from_code(format.code()), format);
        }
    }
}
