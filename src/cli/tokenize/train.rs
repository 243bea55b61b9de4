//! A new tokenizer from texts.

use std::path::PathBuf;

use sukashi::Result;
use sukashi::text::{Tokenizer, TokenizerKind, Training};

use super::sources::{bytes, bytes_name};
use crate::cli::args::names;
use crate::cli::terminal::Terminal;
use crate::cli::text_file;

/// What is trained, and on what.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub struct TrainArgs {
    /// Train a tokenizer on these texts
    #[arg(long, value_name = "FILE", num_args = 1..)]
    train: Vec<PathBuf>,
    /// What its tokens are: characters or bytes, with merges (-bpe) or alone, or words
    #[arg(
        long,
        value_name = "KIND",
        default_value = "char-bpe",
        value_parser = names::<TokenizerKind>(&["char-bpe", "byte-bpe", "char", "byte", "word"]),
        requires = "train"
    )]
    kind: TokenizerKind,
    /// How many tokens it has at most
    #[arg(long, value_name = "N", default_value_t = 5_000, requires = "train")]
    vocab_size: usize,
    /// How often a pair has to occur to be merged
    #[arg(long, value_name = "N", default_value_t = 2, requires = "train")]
    min_frequency: u64,
    /// Add a special token, such as <|endoftext|>; may be repeated
    #[arg(long, value_name = "TOKEN", requires = "train")]
    special_token: Vec<String>,
}

/// The tokenizer and what it is compared with.
pub struct Trained {
    /// Bytes, characters, then the trained one, each with its name.
    pub tokenizers: Vec<(String, Tokenizer)>,
    /// What it was trained on.
    pub text: String,
    /// The files' names.
    pub name: String,
}

impl TrainArgs {
    /// Trains what is asked for, if anything is.
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
            // Room for all there are.
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
    /// The trained one as a `tokenizer.json`.
    pub fn json(&self) -> Result<String> {
        self.tokenizers.last().map_or(Ok(String::new()), |(_, tokenizer)| tokenizer.to_json())
    }
}
