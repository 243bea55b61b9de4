//! Training a tokenizer on texts.

use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::models::wordlevel::{WordLevel, WordLevelTrainer};
use tokenizers::models::{ModelWrapper, TrainerWrapper};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::{OffsetReferential, OffsetType, PreTokenizer, SplitDelimiterBehavior};
use tokenizers::{AddedToken, PreTokenizedString};

use super::Tokenizer;
use super::tokenizer::guarded;
use crate::names;
use crate::{Error, ErrorKind, Result};

/// The kind of a trained tokenizer: the units that its tokens are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TokenizerKind {
    /// Characters and merges of them; `<unk>` for characters that are not in the training texts.
    #[default]
    CharBpe,
    /// Bytes and merges of them. No text is unknown.
    ByteBpe,
    /// Characters, and `<unk>`.
    Char,
    /// Bytes.
    Byte,
    /// Words: runs of letters, digits or symbols, each with the space before it; `<unk>` for all others.
    Word,
}

names!(
    TokenizerKind,
    "kind of tokenizer",
    "char-bpe" => CharBpe,
    "byte-bpe" => ByteBpe,
    "char" => Char,
    "byte" => Byte,
    "word" => Word,
);

impl TokenizerKind {
    fn has_bytes(self) -> bool {
        matches!(self, Self::ByteBpe | Self::Byte)
    }

    fn has_merges(self) -> bool {
        matches!(self, Self::CharBpe | Self::ByteBpe)
    }
}

/// How to train a tokenizer. The default is a character-level BPE with at most 5,000 tokens that merges pairs
/// that occur at least twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Training {
    /// The units that its tokens are made of.
    pub kind: TokenizerKind,
    /// The most tokens that it may have, including special ones.
    pub vocab_size: usize,
    /// How often a pair has to occur to be merged, or a word to have a token.
    pub min_frequency: u64,
    /// Special tokens, such as `<|endoftext|>`; their ids come first.
    pub special_tokens: Vec<String>,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            kind: TokenizerKind::default(),
            vocab_size: 5_000,
            min_frequency: 2,
            special_tokens: Vec::new(),
        }
    }
}

/// The token for characters that are not in the training texts.
const UNKNOWN: &str = "<unk>";
const NUM_BYTES: usize = 256;
/// No model has this many tokens. The trainer reserves memory for all of them.
const MAX_VOCAB_SIZE: usize = 4_000_000;

/// Longer words are split before they are counted.
const MAX_WORD_CHARS: usize = 1_024;
/// How much of a long line is split into words at a time.
const BLOCK_BYTES: usize = 64 << 10;

/// Merges do not cross these: runs of letters, digits or symbols, each with the space before it, and white
/// space.
const WORDS: &str = r" ?[\p{L}\p{M}]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+";

impl Training {
    /// Trains on `texts`. Merges never cross the end of a line or of a text. A word of more than 1,024
    /// characters is counted in parts of that length, because the time to merge a word grows with the square
    /// of its length.
    ///
    /// ```
    /// use sukashi::text::Training;
    ///
    /// let tokenizer = Training { vocab_size: 20, ..Training::default() }.run(["low lower lowest"])?;
    /// let cut = tokenizer.cut("tiny", "lower", false)?;
    /// assert_eq!(cut.pieces[0].token.text.as_deref(), Some("low"));
    /// # Ok::<(), sukashi::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Bad input if the texts are empty, if the vocabulary size has no room for the bytes, the special tokens
    /// and one more or is larger than 4 million, or if a special token is empty or given twice.
    pub fn run<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<Tokenizer> {
        let special = self.special()?;
        let room = self.room(special.len())?;
        let failed =
            |why: String| Error::new(ErrorKind::Computation, "cannot train the tokenizer").detail(why);
        let words = words().map_err(|error| failed(error.to_string()))?;
        let mut lines = Vec::new();
        for line in texts.into_iter().flat_map(|text| text.split_inclusive('\n')) {
            guarded(|| push_without_long_words(line, &words, &mut lines)).map_err(failed)?;
        }
        if lines.is_empty() {
            return Err(Error::input("cannot train a tokenizer: the training texts are empty"));
        }

        let (model, mut trainer) = self.model(special, room).map_err(|error| failed(error.to_string()))?;
        let inner = guarded(|| {
            let mut inner = tokenizers::Tokenizer::new(model);
            inner.with_pre_tokenizer(Some(self.pre_tokenizer()?));
            inner.with_decoder(Some(self.decoder()));
            inner.train(&mut trainer, lines.into_iter())?;
            Ok(inner)
        });
        Ok(Tokenizer::from_parts("the trained tokenizer", inner.map_err(failed)?, None))
    }

    /// The untrained model and its trainer.
    fn model(&self, special: Vec<String>, room: usize) -> tokenizers::Result<(ModelWrapper, TrainerWrapper)> {
        let special = special.into_iter().map(|token| AddedToken::from(token, true)).collect();
        if self.kind == TokenizerKind::Word {
            let model = WordLevel::builder().unk_token(UNKNOWN.to_owned()).build()?;
            let trainer = WordLevelTrainer::builder()
                .show_progress(false)
                .min_frequency(self.min_frequency)
                .vocab_size(self.vocab_size)
                .special_tokens(special)
                .build()?;
            return Ok((model.into(), trainer.into()));
        }
        let trainer = BpeTrainerBuilder::new()
            .show_progress(false)
            .min_frequency(self.min_frequency)
            // With a size of 0 the trainer stops after the alphabet.
            .vocab_size(if self.kind.has_merges() { self.vocab_size } else { 0 })
            .special_tokens(special);
        let model = BPE::builder();
        Ok(if self.kind.has_bytes() {
            let alphabet = ByteLevel::alphabet().into_iter().collect();
            (model.build()?.into(), trainer.initial_alphabet(alphabet).build().into())
        } else {
            // Keeps the most frequent characters if there is no room for all.
            let model = model.unk_token(UNKNOWN.to_owned()).build()?;
            (model.into(), trainer.limit_alphabet(room).build().into())
        })
    }

    /// The special tokens. `<unk>` comes first if characters can be unknown.
    fn special(&self) -> Result<Vec<String>> {
        let mut special = if self.kind.has_bytes() { Vec::new() } else { vec![UNKNOWN.to_owned()] };
        for token in &self.special_tokens {
            if token.is_empty() || special.contains(token) {
                return Err(Error::input(format!("cannot use the special token {token:?}"))
                    .detail("expected special tokens that are not empty and differ"));
            }
            special.push(token.clone());
        }
        Ok(special)
    }

    /// How many tokens there is room for besides the special ones.
    fn room(&self, num_special: usize) -> Result<usize> {
        let alphabet = if self.kind.has_bytes() { NUM_BYTES } else { 1 };
        let least = num_special + alphabet;
        match self.vocab_size {
            // The size is fixed.
            _ if self.kind == TokenizerKind::Byte => Ok(NUM_BYTES),
            size if (least..=MAX_VOCAB_SIZE).contains(&size) => Ok(size - num_special),
            size => Err(Error::input(format!("cannot train a tokenizer of {size} tokens"))
                .detail(format!("expected {least} to {MAX_VOCAB_SIZE}"))),
        }
    }

    fn pre_tokenizer(&self) -> tokenizers::Result<PreTokenizerWrapper> {
        let words = words()?;
        Ok(match self.kind.has_bytes() {
            true => Sequence::new(vec![words.into(), ByteLevel::new(false, true, false).into()]).into(),
            false => words.into(),
        })
    }

    fn decoder(&self) -> DecoderWrapper {
        match self.kind.has_bytes() {
            true => ByteLevel::new(false, true, true).into(),
            false => Fuse::new().into(),
        }
    }
}

/// The step that splits a text into words.
fn words() -> tokenizers::Result<Split> {
    Split::new(SplitPattern::Regex(WORDS.to_owned()), SplitDelimiterBehavior::Isolated, false)
}

/// Splits a line inside words that are longer than [`MAX_WORD_CHARS`], and nowhere else.
fn push_without_long_words(line: &str, words: &Split, lines: &mut Vec<String>) -> tokenizers::Result<()> {
    let mut rest = line;
    let mut start = 0;
    let mut take = |start: &mut usize, end: usize| {
        lines.push(line[*start..end].to_owned());
        *start = end;
    };
    while rest.len() > MAX_WORD_CHARS {
        let done = line.len() - rest.len();
        let block = &rest[..rest.floor_char_boundary(BLOCK_BYTES)];
        let mut split = PreTokenizedString::from(block);
        words.pre_tokenize(&mut split)?;
        let splits = split.get_splits(OffsetReferential::Original, OffsetType::Byte);
        let is_last = block.len() == rest.len();
        let mut next = block.len();
        for (index, (word, (first, _), _)) in splits.iter().enumerate() {
            // The last word of a block may continue in the next one.
            if !is_last && index + 1 == splits.len() && *first > 0 {
                next = *first;
                break;
            }
            let cuts = word.char_indices().step_by(MAX_WORD_CHARS).skip(1);
            cuts.for_each(|(offset, _)| take(&mut start, done + first + offset));
        }
        rest = &rest[next..];
    }
    take(&mut start, line.len());
    Ok(())
}

impl Tokenizer {
    /// The tokenizer as a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// If the `tokenizers` crate cannot serialise it. No such case is known.
    pub fn to_json(&self) -> Result<String> {
        let json = guarded(|| self.inner.to_string(true));
        json.map(|json| json + "\n").map_err(|why| {
            Error::new(ErrorKind::Computation, "cannot write the tokenizer as JSON").detail(why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_WORD_CHARS, push_without_long_words, words};

    fn lines(line: &str) -> Vec<String> {
        let mut lines = Vec::new();
        push_without_long_words(line, &words().unwrap(), &mut lines).unwrap();
        assert_eq!(lines.concat(), line);
        lines
    }

    /// All other lines stay whole, so their merges are counted as before.
    #[test]
    fn only_long_words_are_cut() {
        for line in ["", "a", &"low 猫である。犬 ".repeat(20_000), &" ".repeat(MAX_WORD_CHARS)] {
            assert_eq!(lines(line).len(), 1);
        }
        let word = "猫".repeat(MAX_WORD_CHARS);
        assert_eq!(lines(&format!("a {word}b c")), [format!("a {}", &word[3..]), "猫b c".to_owned()]);
        for character in ["a", "猫", " ", "e\u{301}"] {
            let longest = lines(&character.repeat(300_000)).iter().map(|line| line.chars().count()).max();
            assert!(longest.unwrap() <= 2 * MAX_WORD_CHARS, "{character:?}: {longest:?}");
        }
    }
}
