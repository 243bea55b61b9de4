//! The flags that name tokenizers.

use std::path::{Path, PathBuf};

use sukashi::text::{Tokenizer, TokenizerKind, Training};
use sukashi::weights::ModelFiles;
use sukashi::{Error, Result};

use crate::cli::model::open_model;
use crate::cli::terminal::Terminal;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Tokenizers")]
pub struct SourceArgs {
    /// Use the tokenizer of this model; may be repeated [default: the model in the program]
    #[arg(long, value_name = "PATH")]
    model: Vec<PathBuf>,
    /// Use this tokenizer.json; may be repeated
    #[arg(long, value_name = "FILE")]
    tokenizer: Vec<PathBuf>,
    /// Add a tokenizer that takes each byte as a token
    #[arg(long)]
    bytes: bool,
    /// Count the special tokens that a tokenizer adds around a text, such as <bos>
    #[arg(long)]
    pub special: bool,
}

impl SourceArgs {
    /// Opens the tokenizers, and gives their names too. With `needs_one`, the embedded one is used if the flags name none.
    pub fn open(&self, needs_one: bool, terminal: &Terminal) -> Result<Vec<(String, Tokenizer)>> {
        let mut all = Vec::new();
        if self.bytes {
            all.push((bytes_name(terminal), bytes()?));
        }
        for path in &self.model {
            all.push(of_model(open_model(Some(path), terminal)?)?);
        }
        for path in &self.tokenizer {
            all.push((name_of(path), Tokenizer::from_file(path)?));
        }
        if needs_one && self.model.is_empty() && self.tokenizer.is_empty() {
            all.push(of_model(open_model(None, terminal)?)?);
        }
        Ok(all)
    }
}

/// A tokenizer with a token for each byte.
pub fn bytes() -> Result<Tokenizer> {
    // Bytes need no training, so any text does.
    Training { kind: TokenizerKind::Byte, ..Training::default() }.run(["a"])
}

pub fn bytes_name(terminal: &Terminal) -> String {
    terminal.words("バイト", "bytes").to_owned()
}

fn of_model(files: ModelFiles) -> Result<(String, Tokenizer)> {
    let ModelFiles { name, tokenizer, .. } = files;
    let missing = || Error::input(format!("{name} has no tokenizer.json, so it cannot cut a text"));
    Ok((name.clone(), tokenizer.ok_or_else(missing)?))
}

/// A file's name without its extension. For tokenizer.json, which says nothing, the folder's name.
fn name_of(path: &Path) -> String {
    let resolved = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let stem = resolved.file_stem().unwrap_or_default();
    let folder = resolved.parent().and_then(Path::file_name);
    let name = if stem == "tokenizer" { folder.unwrap_or(stem) } else { stem };
    name.to_string_lossy().into_owned()
}
