//! The formats of weights, and the distance between rows. This module does not depend on a device.
//!
//! A format's file describes it: its number and blocks in GGUF files, and the planes in which its quants lie on a device. A new
//! format whose planes are known takes its own file and its lines in the list below. The CPU's and the shaders' unpacking
//! depend on the planes alone.

mod blocks;
mod floats;
mod q4_0;
mod q4_1;
mod q4_k;
mod q5_0;
mod q5_1;
mod q5_k;
mod q6_k;
mod q8_0;
mod quants;

use blocks::Unpacked;
pub(crate) use blocks::repack;
pub(crate) use quants::{Quants, Scales};

/// The columns of a block of the simplest quantised formats. A step of a product takes so many columns.
pub(crate) const BLOCK: usize = 32;

/// The alignment of rows in elements. It lets shaders read a block of elements at a time.
const ROW_ALIGNMENT: usize = BLOCK;

/// Returns the number of elements from one row of `columns` to the next.
pub fn row_stride(columns: usize) -> usize {
    columns.next_multiple_of(ROW_ALIGNMENT)
}

/// The columns of a super-block, whose eight or sixteen scales share a factor.
pub(crate) const SUPER_BLOCK: usize = 256;

/// The 32-bit words that hold the scales of a super-block. These are its factors, then a byte for each scale and
/// minimum.
pub(crate) const SUPER_BLOCK_SCALE_WORDS: usize = 5;

/// Makes the type [`Format`] and the macro `with_format` from the list of formats.
macro_rules! formats {
    ($d:tt $($(#[doc = $doc:literal])* $format:ident = $description:path;)*) => {
        /// The format of the elements of a weight matrix on a device.
        ///
        /// A row of a quantised format has three planes, each in the order of the columns: the low bits of the quants, their
        /// high bits, and the scales. A row ends at a multiple of four words. A weight is `scale * quant + offset`. The formats
        /// come from GGUF. A reader of GGUF sorts its blocks of 18 to 210 bytes into the planes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Format {
            $($(#[doc = $doc])* $format,)*
        }

        impl Format {
            /// All of them.
            pub const ALL: [Self; [$(Format::$format),*].len()] = [$(Self::$format),*];

            #[inline]
            pub(crate) const fn description(self) -> &'static Description {
                match self {
                    $(Self::$format => const { &$description },)*
                }
            }
        }

        /// Runs a block with the format's place in [`Format::ALL`] as a constant, so that what depends on it is decided when the
        /// program is compiled.
        macro_rules! with_format {
            ($d format:expr, $d constant:ident => $d block:expr) => {
                match $d format {
                    $($crate::format::Format::$format => {
                        const $d constant: u32 = $crate::format::Format::$format as u32;
                        $d block
                    })*
                }
            };
        }
        pub(crate) use with_format;
    };
}

formats! { $
    /// IEEE single.
    F32 = floats::F32;
    /// IEEE half, two in a word.
    F16 = floats::F16;
    /// The upper half of an IEEE single, two in a word.
    Bf16 = floats::BF16;
    /// Eight bits, and an f16 scale for 32 weights.
    Q8_0 = q8_0::Q8_0;
    /// Four bits less 8, and an f16 scale for 32 weights.
    Q4_0 = q4_0::Q4_0;
    /// Four bits, and an f16 scale and an f16 offset for 32 weights.
    Q4_1 = q4_1::Q4_1;
    /// Five bits less 16, and an f16 scale for 32 weights.
    Q5_0 = q5_0::Q5_0;
    /// Five bits, and an f16 scale and an f16 offset for 32 weights.
    Q5_1 = q5_1::Q5_1;
    /// Four bits, a six-bit scale and minimum for 32 weights, and two f16 factors for 256.
    Q4K = q4_k::Q4K;
    /// Five bits, a six-bit scale and minimum for 32 weights, and two f16 factors for 256.
    Q5K = q5_k::Q5K;
    /// Six bits less 32, an eight-bit scale for 16 weights, and an f16 factor for 256.
    Q6K = q6_k::Q6K;
}

/// All that distinguishes a format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Description {
    /// `f32`, `q4_k`, …
    pub name: &'static str,
    /// Its number in GGUF files.
    pub gguf_type: u32,
    pub storage: Storage,
}

/// How elements are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Storage {
    /// Each alone: in so many bytes, on a device and in a file.
    Floats {
        /// The value of [`Format::code`], below that of any quants.
        code: u32,
        bytes: usize,
    },
    /// As quants on a device, and in blocks in a file.
    Quants(Quants, Blocks),
}

/// How a file stores quants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocks {
    /// The size of a block, which has [`Format::block_columns`] weights.
    pub bytes: usize,
    /// Where the f16 numbers of a block are.
    pub halves: &'static [usize],
    /// Unpacks a block.
    unpack: fn(&[u8], &mut Unpacked<'_>),
}

impl Format {
    /// The value of the shaders' constant `FORMAT`: four bits of `Quants::bits`, four of `Quants::scales`, then
    /// `Quants::bias`. Two formats have one value only if they lie on a device in the same way.
    pub fn code(self) -> u32 {
        match self.description().storage {
            Storage::Floats { code, .. } => code,
            Storage::Quants(Quants { bits, bias, scales }, _) => {
                bits as u32 | (scales as u32) << 4 | bias.cast_unsigned() << 8
            }
        }
    }

    /// Returns the first format of a [`Format::code`].
    ///
    /// # Panics
    /// If no format has this code.
    pub fn from_code(code: u32) -> Self {
        let found = Self::ALL.into_iter().find(|format| format.code() == code);
        found.unwrap_or_else(|| panic!("no format has the code {code}"))
    }

    /// The format with this place in [`Format::ALL`], which is a constant in `with_format`.
    #[inline(always)]
    pub(crate) const fn at(index: u32) -> Self {
        Self::ALL[index as usize]
    }

    /// Returns the name, such as `f32` or `q4_k`.
    pub fn name(self) -> &'static str {
        self.description().name
    }

    /// Returns the number of columns that are stored together. Rows of a quantised format have a multiple of it.
    #[inline]
    pub fn block_columns(self) -> usize {
        match self.quants() {
            None => 1,
            Some(Quants { scales: Scales::Minimums | Scales::Signed, .. }) => SUPER_BLOCK,
            Some(_) => BLOCK,
        }
    }

    /// Bytes of `columns` elements in a file; of quants, as many as are in whole blocks.
    pub(crate) fn file_bytes(self, columns: usize) -> usize {
        match self.description().storage {
            Storage::Floats { bytes, .. } => columns * bytes,
            Storage::Quants(_, blocks) => columns / self.block_columns() * blocks.bytes,
        }
    }

    /// Returns the number of 32-bit words for a row of `columns` elements with padding.
    ///
    /// # Panics
    /// If `columns` is no multiple of [`Format::block_columns`].
    #[inline]
    pub fn words_per_row(self, columns: usize) -> usize {
        assert!(columns.is_multiple_of(self.block_columns()), "{columns} columns of {}", self.name());
        match self.description().storage {
            Storage::Floats { bytes, .. } => row_stride(columns) * bytes / 4,
            Storage::Quants(quants, _) => {
                quants.plane_words(columns).iter().sum::<usize>().next_multiple_of(4)
            }
        }
    }

    /// The form of the quants. `None` for floating point.
    #[inline]
    pub(crate) const fn quants(self) -> Option<Quants> {
        match self.description().storage {
            Storage::Floats { .. } => None,
            Storage::Quants(quants, _) => Some(quants),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use naga::back::PipelineConstants;
    use naga::{Expression, Literal, Module};

    use super::*;

    #[test]
    fn each_is_described_once() {
        for (index, format) in Format::ALL.into_iter().enumerate() {
            assert_eq!(Format::at(index as u32), format);
            let same = |other: &Format| other.name() == format.name();
            assert_eq!(Format::ALL.iter().filter(|other| same(other)).count(), 1, "{format:?}");
            let same = |other: &Format| other.description().gguf_type == format.description().gguf_type;
            assert_eq!(Format::ALL.iter().filter(|other| same(other)).count(), 1, "{format:?}");
            assert_eq!(Format::from_code(format.code()).quants(), format.quants());
            let (first, second) = (format.file_bytes(SUPER_BLOCK), format.words_per_row(SUPER_BLOCK));
            assert!(first > 0 && second > 0, "{format:?}");
        }
    }

    /// The constants that a shader has where it is compiled for this format.
    fn constants_of_shader(module: &Module, format: Format) -> BTreeMap<String, i64> {
        let info = naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32,
        )
        .validate(module)
        .expect("shaders are valid");
        let constants = PipelineConstants::from_iter([("FORMAT".into(), f64::from(format.code()))]);
        let (module, _) = naga::back::pipeline_constants::process_overrides(module, &info, None, &constants)
            .expect("the constants can be computed");
        let numbers = module.constants.iter().filter_map(|(_, constant)| {
            let number = match module.global_expressions[constant.init] {
                Expression::Literal(Literal::U32(number)) => number.into(),
                Expression::Literal(Literal::I32(number)) => number.into(),
                Expression::Literal(Literal::Bool(is)) => is.into(),
                _ => return None,
            };
            Some((constant.name.clone()?, number))
        });
        numbers.collect()
    }

    #[test]
    fn shaders_read_the_formats_out_of_their_codes() {
        let shader = include_str!("../../shaders/resolved/gemv.wgsl");
        let module = naga::front::wgsl::parse_str(shader).expect("shaders are valid");
        for format in Format::ALL {
            let constants = constants_of_shader(&module, format);
            let of = |name: &str| {
                constants.get(name).copied().unwrap_or_else(|| panic!("no {name}: {constants:?}"))
            };
            let number = |number: usize| number as i64;
            assert_eq!(of("BLOCK"), number(BLOCK));
            assert_eq!(of("SUPER_BLOCK"), number(SUPER_BLOCK));
            assert_eq!(of("SUPER_BLOCK_SCALE_WORDS"), number(SUPER_BLOCK_SCALE_WORDS));
            for (name, scales) in [
                ("SINGLE_SCALES", Scales::Single),
                ("PAIR_SCALES", Scales::Pair),
                ("MINIMUM_SCALES", Scales::Minimums),
                ("SIGNED_SCALES", Scales::Signed),
            ] {
                assert_eq!(of(name), scales as i64, "{name}");
            }
            for (name, float) in [("F32", Format::F32), ("F16", Format::F16), ("BF16", Format::Bf16)] {
                assert_eq!(of(name), i64::from(float.code()), "{name}");
            }
            assert_eq!(of("IS_FLOAT") == 1, format.quants().is_none(), "{format:?}");
            if let Some(Quants { bits, bias, scales }) = format.quants() {
                let want = (number(bits), i64::from(bias), scales as i64);
                assert_eq!((of("QUANT_BITS"), of("QUANT_BIAS"), of("QUANT_SCALES")), want, "{format:?}");
            }
        }
    }
}
