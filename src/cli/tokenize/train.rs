//! Trains a tokenizer.

use std::path::PathBuf;

use sukashi::Result;
use sukashi::text::{Tokenizer, TokenizerKind, Training};

use super::sources::{bytes, bytes_name};
use crate::cli::args::names;
use crate::cli::terminal::Terminal;
use crate::cli::text_file;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub struct TrainArgs {
    /// Train a tokenizer on these texts
    #[arg(long, value_name = "FILE", num_args = 1..)]
    train: Vec<PathBuf>,
    /// Train tokens of this kind: characters or bytes, with merges (-bpe) or without, or words
    #[arg(
        long,
        value_name = "KIND",
        default_value = "char-bpe",
        value_parser = names::<TokenizerKind>(TokenizerKind::NAMES),
        requires = "train"
    )]
    kind: TokenizerKind,
    /// Train at most N tokens
    #[arg(long, value_name = "N", default_value_t = 5_000, requires = "train")]
    vocab_size: usize,
    /// Merge pairs that occur at least N times
    #[arg(long, value_name = "N", default_value_t = 2, requires = "train")]
    min_frequency: u64,
    /// Add a special token, such as <|endoftext|>; may be repeated
    #[arg(long, value_name = "TOKEN", requires = "train")]
    special_token: Vec<String>,
}

/// A trained tokenizer, and the tokenizers that it is compared with.
pub struct Trained {
    /// Bytes, characters and the trained one, each with its name.
    pub tokenizers: Vec<(String, Tokenizer)>,
    /// The training text.
    pub text: String,
    /// The files' names.
    pub name: String,
}

impl TrainArgs {
    /// Trains a tokenizer if `--train` asks for one.
    pub fn run(&self, terminal: &Terminal) -> Result<Option<Trained>> {
        if self.train.is_empty() {
            return Ok(None);
        }
        let texts = self.train.iter().map(|path| text_file::read(path)).collect::<Result<Vec<_>>>()?;
        let texts = || texts.iter().map(String::as_str);
        let training = Training {
            kind: self.kind,
            vocab_size: self.vocab_size,
            min_frequency: self.min_frequency,
            special_tokens: self.special_token.clone(),
        };
        let trained = training.run(texts())?;
        let mut tokenizers = Vec::new();
        if self.kind != TokenizerKind::Byte {
            tokenizers.push((bytes_name(terminal), bytes()?));
        }
        if self.kind != TokenizerKind::Char {
            // More than there are characters.
            let all = Training { kind: TokenizerKind::Char, vocab_size: 2_000_000, ..Training::default() };
            tokenizers.push((terminal.words("文字", "characters").to_owned(), all.run(texts())?));
        }
        let name = match self.kind {
            TokenizerKind::CharBpe => terminal.words("BPE（文字）", "BPE (characters)"),
            TokenizerKind::ByteBpe => terminal.words("BPE（バイト）", "BPE (bytes)"),
            TokenizerKind::Char => terminal.words("文字", "characters"),
            TokenizerKind::Byte => terminal.words("バイト", "bytes"),
            TokenizerKind::Word => terminal.words("単語", "words"),
        };
        tokenizers.push((name.to_owned(), trained));
        let names = self.train.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy());
        let name = Vec::from_iter(names).join(", ");
        Ok(Some(Trained { tokenizers, text: texts().collect(), name }))
    }
}

impl Trained {
    /// The trained tokenizer as a `tokenizer.json`.
    pub fn json(&self) -> Result<String> {
        self.tokenizers.last().map_or(Ok(String::new()), |(_, tokenizer)| tokenizer.to_json())
    }
}
