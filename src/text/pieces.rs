//! How a vocabulary spells bytes as text. The tokenizer's decoder determines it.

use std::sync::LazyLock;

use tokenizers::decoders::DecoderWrapper;
use tokenizers::normalizers::replace::Replace;
use tokenizers::pre_tokenizers::metaspace::PrependScheme;

/// How the entries of a vocabulary spell bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pieces {
    /// Each character of an entry is one byte in GPT-2's table.
    ByteLevel,
    /// An entry is its own text, with these exceptions.
    Text {
        /// A character that stands for a space, such as `▁` (U+2581).
        space: Option<char>,
        /// Whether `<0x0A>` stands for one byte.
        byte_tokens: bool,
        /// How many spaces are dropped at the start of a text.
        strip_start: usize,
    },
    /// What an entry stands for depends on its neighbours: `##ing`, `ing</w>`.
    Joined,
}

impl Pieces {
    pub fn of(decoder: Option<&DecoderWrapper>) -> Self {
        let Some(decoder) = decoder else { return Pieces::Joined };
        let steps = match decoder {
            DecoderWrapper::Sequence(sequence) => sequence.get_decoders(),
            single => std::slice::from_ref(single),
        };
        let (mut space, mut byte_tokens, mut strip_start) = (None, false, 0);
        for step in steps {
            match step {
                DecoderWrapper::ByteLevel(_) => return Pieces::ByteLevel,
                DecoderWrapper::Fuse(_) => {}
                DecoderWrapper::ByteFallback(_) => byte_tokens = true,
                DecoderWrapper::Replace(replace) => match replaced_by_space(replace) {
                    Some(character) => space = Some(character),
                    None => return Pieces::Joined,
                },
                DecoderWrapper::Metaspace(metaspace) => {
                    space = Some(metaspace.get_replacement());
                    strip_start = usize::from(metaspace.get_prepend_scheme() != PrependScheme::Never);
                }
                DecoderWrapper::Strip(strip) if strip.content == ' ' && strip.stop == 0 => {
                    strip_start = strip.start
                }
                _ => return Pieces::Joined,
            }
        }
        Pieces::Text { space, byte_tokens, strip_start }
    }

    /// The bytes that an entry of the vocabulary stands for.
    pub fn bytes(&self, entry: &str) -> Vec<u8> {
        match self {
            Pieces::ByteLevel => match entry.chars().map(byte_of).collect() {
                Some(bytes) => bytes,
                None => entry.as_bytes().to_vec(),
            },
            Pieces::Text { byte_tokens: true, .. } if byte_token(entry).is_some() => {
                Vec::from_iter(byte_token(entry))
            }
            Pieces::Text { space: Some(space), .. } => entry.replace(*space, " ").into_bytes(),
            Pieces::Text { .. } | Pieces::Joined => entry.as_bytes().to_vec(),
        }
    }
}

/// The one character that a decoder step turns into a space.
fn replaced_by_space(replace: &Replace) -> Option<char> {
    // The crate keeps the pattern private, so it is read from the serialised step.
    let json = serde_json::to_value(replace).ok()?;
    let mut pattern = json["pattern"]["String"].as_str()?.chars();
    let character = pattern.next().filter(|_| pattern.next().is_none())?;
    (replace.content == " ").then_some(character)
}

/// The byte that a token such as `<0x0A>` stands for.
fn byte_token(entry: &str) -> Option<u8> {
    let digits = entry.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
}

/// GPT-2's table: printable bytes stand for themselves, and the others for characters from U+0100 on.
static BYTE_CHARS: LazyLock<[char; 256]> = LazyLock::new(|| {
    let mut others = 0x100..;
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        let printable = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
        let code = if printable { Some(u32::from(byte)) } else { others.next() };
        code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
    })
});

/// The character that stands for a byte in a byte-level vocabulary.
pub(super) fn char_of(byte: u8) -> char {
    BYTE_CHARS[usize::from(byte)]
}

fn byte_of(character: char) -> Option<u8> {
    BYTE_CHARS.iter().position(|&other| other == character).map(|byte| byte as u8)
}
